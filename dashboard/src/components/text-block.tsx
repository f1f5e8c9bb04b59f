import { useState } from 'preact/hooks';
import { formatCount } from '../format.ts';
import { announce } from './toasts.tsx';

/** A text of somebody else's: shown letter by letter, never as markup. Very long ones only on demand: they stall the page. */
const shownAtFirst = 20_000;

/** What scrolls must be reachable by keyboard. A group, not a section: a page may have dozens. */
const scrollable = (label: string) => ({ role: 'group', tabIndex: 0, 'aria-label': label }) as const;

export function TextBlock({ text, label }: { text: string; label: string }) {
  const [isWhole, setIsWhole] = useState(false);
  const isCut = !isWhole && text.length > shownAtFirst;
  return (
    <div class="text-block">
      <div class="text-block-scroll" {...scrollable(label)}>
        <pre dir="auto">{isCut ? text.slice(0, shownAtFirst) : text}</pre>
      </div>
      <div class="text-block-actions">
        {isCut && (
          <button type="button" class="button button-small" onClick={() => setIsWhole(true)}>
            Show all {formatCount(text.length)} characters
          </button>
        )}
        <CopyButton text={text} />
      </div>
    </div>
  );
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  // Absent on addresses that are neither local nor https.
  if (!('clipboard' in navigator)) return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      announce('Copied.');
    } catch {
      announce('The browser did not allow to copy.');
    }
  };
  return (
    <button type="button" class="button button-small button-quiet" onClick={copy}>
      {label}
    </button>
  );
}

/** Any value of the API as text. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

export const Command = ({ text }: { text: string }) => <TextBlock text={text} label="Command" />;
