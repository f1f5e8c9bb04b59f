import { OffpeakError } from '../../errors.ts';
import type { JobState } from '../../job.ts';
import { jobStates, noCounts } from '../../job.ts';
import type { Run, RunState } from '../../run.ts';
import { runEnded, runMoves } from '../../run.ts';
import type { BookRow, NewRun, RunChange } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { dropHeldSums } from './held-jobs.ts';
import { number, type Row, toRun } from './rows.ts';

/** The number by which the other tables know a run. */
export function runSeq(db: Database, id: string): number {
  const row = db.sql('SELECT seq FROM runs WHERE id = ?').get(id);
  if (!row) throw new OffpeakError(`There is no run ${id} in ${db.path}.`, { code: 'not_found' });
  return number(row, 'seq');
}

/**
 * A job's id is its run's number times 2^30 plus its place in the run: one run's jobs lie together in the table, in
 * input order, without an index for it (measured: a third of the cost of adding a job). Room for a thousand million jobs
 * a run and eight million runs in the integers that JavaScript holds exactly.
 */
const jobsPerRun = 2 ** 30;
export const firstJobId = (run: number): number => run * jobsPerRun;
export const lastJobId = (run: number): number => (run + 1) * jobsPerRun - 1;
export const runOfJob = (job: number): number => Math.floor(job / jobsPerRun);

export function getRun(db: Database, id: string): Run | undefined {
  const row = db.sql('SELECT * FROM runs WHERE id = ?').get(id);
  return row ? toRun(row) : undefined;
}

export function createRun(db: Database, run: NewRun, now: number): { run: Run; attached: boolean } {
  return db.write(() => {
    const unfinished = run.fresh
      ? undefined
      : db
          .sql("SELECT * FROM runs WHERE fingerprint = ? AND state IN ('open', 'running') ORDER BY seq DESC LIMIT 1")
          .get(run.fingerprint);
    if (unfinished) return { run: toRun(unfinished), attached: true };
    return { run: toRun(insertRun(db, run, now)), attached: false };
  });
}

/** `queue`: the job type that it takes, of those that wait for their queue to be sent. */
export function insertRun(db: Database, run: NewRun & { queue?: string }, now: number): Row {
  const inserted = db
    .sql(
      `INSERT INTO runs (id, name, queue, fingerprint, state, mode, provider, model, priority, max_attempts,
         concurrency, timeout_ms, simulated, fresh, prime_cache, deadline_at, budget_nano, output_path, output_format,
         recipe, source, note, created_at)
       VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    )
    .get(
      run.id,
      run.name ?? null,
      run.queue ?? null,
      run.fingerprint,
      run.mode,
      run.provider,
      run.model,
      run.priority,
      run.maxAttempts,
      run.concurrency,
      run.timeoutMs,
      run.simulated ? 1 : 0,
      run.fresh ? 1 : 0,
      run.primeCache ? 1 : 0,
      run.deadlineAt ?? null,
      run.budgetNanoUsd ?? null,
      run.output?.path ?? null,
      run.output?.format ?? null,
      JSON.stringify(run.recipe),
      JSON.stringify(run.source),
      run.note ?? null,
      now,
    );
  if (!inserted) throw new OffpeakError('The new run was not stored.', { code: 'internal' });
  addEvent(db, { at: now, run: number(inserted, 'seq'), type: 'run_created' });
  return inserted;
}

export function listRuns(db: Database, filter: { limit?: number; idPrefix?: string; unfinished?: boolean }): Run[] {
  const prefix = filter.idPrefix ?? '';
  // Few are unfinished: a worker asks for them in every turn.
  const unfinished = filter.unfinished ? "INDEXED BY runs_unfinished WHERE state <> 'ended' AND" : 'WHERE';
  return db
    .sql(`SELECT * FROM runs ${unfinished} substr(id, 1, length(?1)) = ?1 ORDER BY seq DESC LIMIT ?2`)
    .all(prefix, filter.limit ?? -1)
    .map(toRun);
}

export function updateRun(db: Database, id: string, change: RunChange, now: number): Run {
  return db.write(() => changeRun(db, runSeq(db, id), change, now));
}

/** Inside a transaction; a move that is not allowed changes nothing. */
export function changeRun(db: Database, seq: number, change: RunChange, now: number): Run {
  const before = toRun(rowOf(db, seq));
  const moves = change.state !== undefined && change.state !== before.state;
  if (moves && !mayMove(before, change.state ?? before.state)) return before;
  if (change.state === 'ended' && !runEnded(before)) return before;
  const isMore = change.budgetNanoUsd !== undefined;
  db.sql(
    `UPDATE runs SET state = ?, note = ?, budget_nano = coalesce(?, budget_nano),
       deadline_at = coalesce(?, deadline_at), over_budget = over_budget AND ?, ended_at = ? WHERE seq = ?`,
  ).run(
    change.state ?? before.state,
    // What it said of the budget is over.
    change.note ?? (isMore && before.isOverBudget ? null : (before.note ?? null)),
    change.budgetNanoUsd ?? null,
    change.deadlineAt ?? null,
    isMore ? 0 : 1,
    moves ? (change.state === 'ended' ? now : null) : (before.endedAt ?? null),
    seq,
  );
  // Whoever follows the run's batches looks at them now, not at their next poll.
  if (change.state === 'cancelling') db.sql('UPDATE batches SET next_at = 0 WHERE run = ?').run(seq);
  if (moves) {
    if (before.state === 'open') dropHeldSums(db, seq);
    addEvent(db, { at: now, run: seq, type: `run_${change.state}` });
  }
  return toRun(rowOf(db, seq));
}

/** A queue that was sent takes no more jobs: the next ones go into a run of their own. */
function mayMove(before: Run, to: RunState): boolean {
  return runMoves[before.state].includes(to) && !(to === 'open' && before.queue !== undefined);
}

function rowOf(db: Database, seq: number): Row {
  const row = db.sql('SELECT * FROM runs WHERE seq = ?').get(seq);
  if (!row) throw new OffpeakError(`There is no run number ${seq} in ${db.path}.`, { code: 'not_found' });
  return row;
}

/** What a transaction changed in a run's sums; written once, at its end. */
export class RunDelta {
  readonly counts: Record<JobState, number> = { ...noCounts };
  reused = 0;
  reusedNano = 0;
  inputTokens = 0;
  outputTokens = 0;
  cachedTokens = 0;
  costNano = 0;
  realtimeNano = 0;
  unpriced = 0;
  /** Negative: money that was held is free again, and what did not fit may. */
  reservedNano = 0;

  move(from: JobState, to: JobState, jobs = 1): void {
    this.counts[from] -= jobs;
    this.counts[to] += jobs;
  }

  /** What an attempt used and cost. */
  addUsage(row: Pick<BookRow, 'usage' | 'costNanoUsd' | 'realtimeNanoUsd'>): void {
    if (!row.usage) return;
    this.inputTokens += row.usage.inputTokens;
    this.outputTokens += row.usage.outputTokens;
    this.cachedTokens += row.usage.cachedTokens ?? 0;
    if (row.costNanoUsd === undefined) this.unpriced += 1;
    else this.costNano += row.costNanoUsd;
    this.realtimeNano += row.realtimeNanoUsd ?? 0;
  }

  write(db: Database, run: number): void {
    db.sql(
      `UPDATE runs SET ${jobStates.map((state) => `${state} = ${state} + ?`).join(', ')},
         reused = reused + ?, reused_nano = reused_nano + ?, input_tokens = input_tokens + ?,
         output_tokens = output_tokens + ?, cached_tokens = cached_tokens + ?, cost_nano = cost_nano + ?,
         realtime_nano = realtime_nano + ?, unpriced = unpriced + ?, reserved_nano = reserved_nano + ?,
         over_budget = over_budget AND ?
       WHERE seq = ?`,
    ).run(
      ...jobStates.map((state) => this.counts[state]),
      this.reused,
      this.reusedNano,
      this.inputTokens,
      this.outputTokens,
      this.cachedTokens,
      this.costNano,
      this.realtimeNano,
      this.unpriced,
      this.reservedNano,
      this.reservedNano < 0 ? 0 : 1,
      run,
    );
  }
}
