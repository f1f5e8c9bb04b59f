import type { Batch } from '../batch.ts';
import type { BookedJob, EngineEvent } from '../engine/engine.ts';
import { totalOf, unfinishedOf } from '../job.ts';
import type { Offpeak } from '../offpeak.ts';
import type { Run } from '../run.ts';
import { createProgress, type Progress, type ProgressView } from './progress.ts';

/** What this process saw of a run, beside what the store knows. */
export interface Watch {
  onEvent(event: EngineEvent): void;
  /** Shows the run until `close`. */
  start(offpeak: Offpeak, run: Run, scanning: () => boolean): void;
  log(line: string): void;
  close(): Promise<void>;
}

const lookEveryMs = 250;
const doneShown = 5;
/** Names of queued jobs are looked up only in runs of up to so many jobs: further on nobody reads them. */
const namesUpTo = 2_000;

export function createWatch(options: { quiet: boolean }): Watch {
  const calls = new Map<number, { name: string; startedAt: number }>();
  let done: BookedJob[] = [];
  let progress: Progress | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let look: () => Promise<void> = async () => {};
  const log = (line: string) => {
    if (options.quiet) return;
    if (progress) progress.log(line);
    else process.stderr.write(`${line}\n`);
  };
  return {
    log,
    onEvent(event) {
      if (event.type === 'call') calls.set(event.job, { name: event.key, startedAt: event.startedAt });
      if (event.type === 'note') log(event.message);
      if (event.type !== 'booked') return;
      for (const row of event.rows) calls.delete(row.job);
      done = [...done, ...event.rows].slice(-doneShown);
    },
    start(offpeak, run, scanning) {
      if (options.quiet) return;
      const { stderr } = process;
      progress = createProgress({
        stream: stderr,
        isTerminal: stderr.isTTY === true,
        now: Date.now,
        title: `${run.name ?? run.id} · ${run.provider}:${run.model}`,
        simulated: run.simulated,
      });
      look = async () => {
        const view = await viewOf(offpeak, run.id, { calls, done, scanning: scanning() });
        if (view) progress?.update(view);
      };
      const again = () => {
        looking = look()
          .catch(() => {})
          .then(() => {
            timer = setTimeout(again, lookEveryMs);
          });
      };
      // A run of a few files is over before there is anything to see.
      timer = setTimeout(again, 100);
    },
    async close() {
      await looking;
      clearTimeout(timer);
      await look().catch(() => {});
      progress?.close();
      progress = undefined;
    },
  };
}

interface Seen {
  calls: ReadonlyMap<number, { name: string; startedAt: number }>;
  done: readonly BookedJob[];
  scanning: boolean;
}

async function viewOf(offpeak: Offpeak, runId: string, seen: Seen): Promise<ProgressView | undefined> {
  const { store } = offpeak;
  const run = await store.getRun(runId);
  if (!run) return undefined;
  const total = totalOf(run.counts);
  const batches = await store.listBatches({ runId, openOnly: true, limit: 20 });
  const names = await store.getJobKeys(seen.done.map((row) => row.job));
  const showNames = run.counts.queued > 0 && total <= namesUpTo;
  const queued = showNames ? await store.readResults(runId, { limit: 3, states: ['queued'] }) : [];
  const etaMs = estimateRest(run);
  return {
    total,
    counts: run.counts,
    scanning: seen.scanning,
    answered: batches.reduce((sum, batch) => sum + answeredOf(batch), 0),
    running: [
      ...batches.map(batchLine),
      ...[...seen.calls.values()].map(({ name, startedAt }) => ({ name, ageMs: Date.now() - startedAt })),
    ],
    done: seen.done.map((row) => ({
      name: names.get(row.job) ?? '',
      state: row.succeeded ? ('succeeded' as const) : ('failed' as const),
      text: row.text,
      seconds: row.seconds,
    })),
    queued: queued.map((row) => row.key),
    elapsedMs: Date.now() - run.createdAt,
    ...(etaMs === undefined ? {} : { etaMs }),
    ...(run.costNanoUsd === undefined ? {} : { costNanoUsd: run.costNanoUsd }),
    ...(run.note === undefined ? {} : { note: run.note }),
  };
}

/** What the provider says it has done of a batch whose results are not here yet. */
function answeredOf({ state, counts }: Batch): number {
  return state === 'in_progress' && counts ? counts.succeeded + counts.failed : 0;
}

function batchLine(batch: Batch): { name: string; ageMs: number; detail: string } {
  const total = batch.state === 'in_progress' ? batch.counts?.total : undefined;
  const word = batch.state === 'in_progress' ? (batch.rawStatus ?? batch.state) : batch.state;
  return {
    name: `batch ${batch.id}`,
    ageMs: Date.now() - (batch.submittedAt ?? batch.createdAt),
    detail: total ? `${word} ${answeredOf(batch)}/${total}` : `${word}, ${batch.requests} requests`,
  };
}

/** From the pace so far; nothing to go by before the first job has ended. */
function estimateRest(run: Run): number | undefined {
  const ended = run.counts.succeeded + run.counts.failed - run.reused;
  const left = unfinishedOf(run.counts);
  if (ended <= 0 || left === 0) return undefined;
  return ((Date.now() - run.createdAt) / ended) * left;
}
