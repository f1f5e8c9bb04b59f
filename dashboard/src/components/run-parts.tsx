import type { Run } from '../../../src/service/contract/runs.ts';
import { formatPercent, shareOf } from '../format.ts';
import { unfinished } from '../words.ts';
import { Bar, type BarPart } from './bar.tsx';

export function runParts(counts: Run['counts']): BarPart[] {
  return [
    { name: 'succeeded', count: counts.succeeded, kind: 'succeeded' },
    { name: 'failed', count: counts.failed, kind: 'failed' },
    { name: 'cancelled', count: counts.cancelled, kind: 'cancelled' },
    { name: 'skipped', count: counts.skipped, kind: 'skipped' },
    { name: 'running', count: counts.running, kind: 'running' },
    { name: 'packed', count: counts.packed, kind: 'packed' },
    { name: 'queued', count: counts.queued, kind: 'queued' },
  ];
}

/** How far a run is: what has ended in colour, what is to come in grey. */
export function RunProgress({ run }: { run: Run }) {
  const ended = run.counts.total - unfinished(run.counts);
  return (
    <div class="progress">
      <Bar parts={runParts(run.counts)} total={run.counts.total} label={`Jobs of ${run.name ?? run.run_id}`} />
      <span class="progress-words number">
        {run.state === 'open' && ended === 0 ? 'waits to be sent' : formatPercent(shareOf(ended, run.counts.total))}
      </span>
    </div>
  );
}
