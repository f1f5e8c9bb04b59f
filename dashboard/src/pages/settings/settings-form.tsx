import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Settings, SettingsChange } from '../../../../src/service/contract/settings.ts';
import { callJson } from '../../api.ts';
import { useAction } from '../../components/action.tsx';
import { ProblemNote } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';

export interface SectionProps {
  settings: Settings;
  saved(): void;
}

interface FormProps<Draft> {
  title: string;
  note?: ComponentChildren;
  /** What holds now. */
  value: Draft;
  toChange(draft: Draft): SettingsChange;
  saved(): void;
  children: (
    draft: Draft,
    change: (draft: Draft) => void,
    /** Why the server refused a field, by its path: `schedule.time`. */
    errorOf: (field: string) => string | undefined,
  ) => ComponentChildren;
}

/** A section with its own button. What somebody else saves meanwhile is taken over, unless something was typed here. */
export function SettingsForm<Draft>({ title, note, value, toChange, saved, children }: FormProps<Draft>) {
  const current = JSON.stringify(value);
  const [base, setBase] = useState(current);
  const [draft, setDraft] = useState(value);
  const isChanged = JSON.stringify(draft) !== base;
  useEffect(() => {
    if (current === base || isChanged) return;
    setBase(current);
    setDraft(() => value);
  }, [current, base, isChanged, value]);

  const action = useAction(async () => {
    await callJson<Settings>('/batch/settings', { method: 'PUT', body: toChange(draft) });
    setBase(JSON.stringify(draft));
    saved();
    return `${title}: saved.`;
  });
  const errorOf = (field: string) => action.problem?.errors?.find((error) => error.field === field)?.message;
  const reset = () => {
    setBase(current);
    setDraft(() => value);
    action.clear();
  };
  return (
    <Section title={title} note={note}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void action.run();
        }}
      >
        {children(draft, (next) => setDraft(() => next), errorOf)}
        {action.problem && <ProblemNote problem={action.problem} />}
        {isChanged && current !== base && (
          <p class="note note-warning">Somebody else has changed this meanwhile. Saving here replaces it.</p>
        )}
        <div class="form-actions">
          <button type="submit" class="button button-primary" disabled={!isChanged || action.isBusy}>
            {action.isBusy ? 'Saving …' : 'Save'}
            <span class="visually-hidden"> {title}</span>
          </button>
          {isChanged && (
            <button type="button" class="button" onClick={reset}>
              Discard
            </button>
          )}
        </div>
      </form>
    </Section>
  );
}

/** An empty field is not a number yet; the browser does not submit it. */
export const typed = (value: number | undefined): number => value ?? Number.NaN;
export const shown = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);
