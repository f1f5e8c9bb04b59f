import { useEffect, useState } from 'preact/hooks';
import { liveState } from '../events.ts';
import { useStore } from '../store.ts';

/** Whether what is shown moves by itself. */
export function LiveMark() {
  const state = useStore(liveState);
  const seconds = useSecondsUntil(state.type === 'waiting' ? state.until : undefined);
  const text =
    state.type === 'live'
      ? 'Live'
      : state.type === 'connecting'
        ? 'Connecting …'
        : `Reconnecting${seconds > 0 ? ` in ${seconds} s` : ' …'}`;
  return (
    <p class={`live live-${state.type}`} title={hints[state.type]}>
      <span class="live-dot" aria-hidden="true" />
      {/* The seconds are not read out. */}
      <span aria-hidden="true">{text}</span>
      <span class="visually-hidden" role="status">
        {state.type === 'live' ? 'Live updates' : state.type === 'waiting' ? 'Live updates are interrupted' : ''}
      </span>
    </p>
  );
}

const hints = {
  live: 'Changes are shown as they happen',
  connecting: 'The live connection is being made',
  waiting: 'The live connection was lost; the page is read again every few seconds meanwhile',
} as const;

function useSecondsUntil(until: number | undefined): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (until === undefined) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return until === undefined ? 0 : Math.max(0, Math.ceil((until - now) / 1000));
}
