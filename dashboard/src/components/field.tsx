import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  /** Why the server refused it. */
  error?: string | undefined;
  isWide?: boolean;
  children: (attributes: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': boolean;
  }) => ComponentChildren;
}

/** A labelled input; hint and error are read out with it. */
export function Field({ label, hint, error, isWide, children }: FieldProps) {
  const id = useId();
  const described = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`]
    .filter(Boolean)
    .join(' ');
  return (
    <div class={isWide ? 'field is-wide' : 'field'}>
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error !== undefined })}
      {hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="field-error plain-text" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, name: string])[];
  hint?: ComponentChildren;
  error?: string | undefined;
  onChange(value: string): void;
}

export function SelectField({ label, value, options, hint, error, onChange }: SelectProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(attributes) => (
        <select {...attributes} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map(([option, name]) => (
            <option key={option} value={option}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface TextProps {
  label: string;
  value: string;
  type?: 'text' | 'search' | 'time' | 'url' | 'password';
  hint?: ComponentChildren;
  error?: string | undefined;
  placeholder?: string;
  isWide?: boolean;
  isRequired?: boolean;
  list?: string;
  autocomplete?: string;
  onInput(value: string): void;
}

export function TextField(props: TextProps) {
  return (
    <Field label={props.label} hint={props.hint} error={props.error} isWide={props.isWide ?? false}>
      {(attributes) => {
        const all = {
          ...attributes,
          value: props.value,
          placeholder: props.placeholder,
          required: props.isRequired ?? false,
          autocomplete: props.autocomplete ?? 'off',
          spellcheck: false,
          onInput: (event: { currentTarget: HTMLInputElement }) => props.onInput(event.currentTarget.value),
        };
        // The types want to know which kind it is; all kinds here take the same attributes but for the list.
        if (props.list !== undefined) return <input {...all} type="text" list={props.list} />;
        return <input {...all} type={(props.type ?? 'text') as 'text'} />;
      }}
    </Field>
  );
}

interface NumberProps {
  label: string;
  /** Undefined: empty. */
  value: number | undefined;
  min?: number;
  max?: number;
  step?: number | 'any';
  hint?: ComponentChildren;
  error?: string | undefined;
  isRequired?: boolean;
  placeholder?: string;
  onInput(value: number | undefined): void;
}

export function NumberField(props: NumberProps) {
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {(attributes) => (
        <input
          {...attributes}
          type="number"
          inputMode="decimal"
          value={props.value ?? ''}
          min={props.min}
          max={props.max}
          step={props.step ?? 1}
          placeholder={props.placeholder}
          required={props.isRequired ?? false}
          onInput={(event) => {
            const { value, valueAsNumber } = event.currentTarget;
            props.onInput(value === '' || Number.isNaN(valueAsNumber) ? undefined : valueAsNumber);
          }}
        />
      )}
    </Field>
  );
}

interface CheckProps {
  label: string;
  isOn: boolean;
  hint?: ComponentChildren;
  onChange(isOn: boolean): void;
}

export function CheckField({ label, isOn, hint, onChange }: CheckProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        type="checkbox"
        id={id}
        checked={isOn}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function AreaField(props: Omit<TextProps, 'type' | 'list'> & { rows: number }) {
  return (
    <Field label={props.label} hint={props.hint} error={props.error} isWide>
      {(attributes) => (
        <textarea
          {...attributes}
          rows={props.rows}
          value={props.value}
          placeholder={props.placeholder}
          required={props.isRequired ?? false}
          spellcheck={false}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
