import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

/**
 * Pages by cursor: the API knows what comes next, never how many there are. The cursors of the pages before are kept
 * here for the way back. `scope`: a change of it (other filters) begins anew.
 */
export interface Pager {
  /** For the query; undefined: the newest page. */
  before: string | undefined;
  page: number;
  newer: (() => void) | undefined;
  older: ((next: number) => void) | undefined;
}

export function usePager(scope: string): Pager {
  const [state, setState] = useState<{ scope: string; cursors: readonly number[] }>({ scope, cursors: [] });
  const cursors = state.scope === scope ? state.cursors : [];
  useEffect(() => setState((before) => (before.scope === scope ? before : { scope, cursors: [] })), [scope]);
  const last = cursors.at(-1);
  return {
    before: last === undefined ? undefined : String(last),
    page: cursors.length + 1,
    newer: cursors.length > 0 ? () => setState({ scope, cursors: cursors.slice(0, -1) }) : undefined,
    older: (next) => setState({ scope, cursors: [...cursors, next] }),
  };
}

interface ButtonsProps {
  pager: Pager;
  next: number | null;
  what: string;
  /** The rows shown, and so `next`, are still those of the page before: a second click would leave a page out. */
  isStale: boolean;
}

export function PagerButtons({ pager, next, what, isStale }: ButtonsProps) {
  if (!pager.newer && next === null) return null;
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      <button type="button" class="button button-small" disabled={!pager.newer} onClick={() => pager.newer?.()}>
        <Icon name="back" /> Newer
      </button>
      <span class="faint" aria-live="polite">
        Page {pager.page}
      </span>
      <button
        type="button"
        class="button button-small"
        disabled={next === null}
        aria-disabled={isStale}
        onClick={() => next !== null && !isStale && pager.older?.(next)}
      >
        Older <Icon name="next" />
      </button>
    </nav>
  );
}
