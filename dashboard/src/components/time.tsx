import { formatExact, formatRelative } from '../format.ts';
import { useNow } from '../now.ts';

/** How long ago, or how soon; the exact time on hover. */
export function Time({ at, none = '–' }: { at: string | null; none?: string }) {
  const now = useNow();
  const time = at === null ? Number.NaN : Date.parse(at);
  if (at === null || Number.isNaN(time)) return <span class="faint">{none}</span>;
  return (
    <time dateTime={at} title={formatExact(time)}>
      {formatRelative(time, now)}
    </time>
  );
}

/** The exact time in words; how long ago on hover. */
export function ExactTime({ at, none = '–' }: { at: string | null; none?: string }) {
  const now = useNow();
  const time = at === null ? Number.NaN : Date.parse(at);
  if (at === null || Number.isNaN(time)) return <span class="faint">{none}</span>;
  return (
    <time dateTime={at} title={formatRelative(time, now)}>
      {formatExact(time)}
    </time>
  );
}
