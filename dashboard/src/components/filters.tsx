import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { changeQuery, useQuery } from '../router.ts';
import { jobTypeName, jobTypes } from '../words.ts';
import { SelectField, TextField } from './field.tsx';
import { useProviderNames } from './provider-names.ts';

/** Filters live in the address: they survive a reload and can be sent to somebody else. */
export function Filters({ children }: { children: ComponentChildren }) {
  return (
    <search>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        {children}
      </form>
    </search>
  );
}

export function QuerySelect(props: {
  label: string;
  name: string;
  options: readonly (readonly [string, string])[];
  /** What is shown without a filter. */
  first?: string;
}) {
  const query = useQuery();
  return (
    <SelectField
      label={props.label}
      value={query.get(props.name) ?? ''}
      options={[['', props.first ?? 'All'], ...props.options]}
      onChange={(value) => changeQuery({ [props.name]: value })}
    />
  );
}

const afterTypingMs = 300;

/** Asks the server once the user pauses. */
export function QueryText(props: { label: string; name: string; placeholder?: string; isSearch?: boolean }) {
  const { name } = props;
  const fromPlace = useQuery().get(name) ?? '';
  const [text, setText] = useState(fromPlace);
  useEffect(() => setText(fromPlace), [fromPlace]);
  useEffect(() => {
    if (text === fromPlace) return;
    const timer = setTimeout(() => changeQuery({ [name]: text.trim() }), afterTypingMs);
    return () => clearTimeout(timer);
  }, [text, fromPlace, name]);
  return (
    <TextField
      label={props.label}
      type={props.isSearch ? 'search' : 'text'}
      value={text}
      onInput={setText}
      {...(props.placeholder && { placeholder: props.placeholder })}
    />
  );
}

export const JobTypeSelect = () => (
  <QuerySelect label="Job type" name="job_type" options={jobTypes.map((type) => [type, jobTypeName(type)] as const)} />
);

export function ProviderSelect() {
  const names = useProviderNames();
  return <QuerySelect label="Provider" name="provider" options={names.map((name) => [name, name] as const)} />;
}
