import { requeueableStates } from '../../service-store.ts';
import { chunkRows } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { heldLanes } from './held-jobs.ts';
import { releasedLane } from './lanes.ts';
import { jobStateOf, number, type Row } from './rows.ts';
import { changeRun, RunDelta, runSeq } from './runs.ts';

/** Ended jobs of a run back into the queue, with all their attempts ahead; a chunk, returns how many. */
export function requeueJobs(
  db: Database,
  runId: string,
  states: readonly ('failed' | 'cancelled')[],
  now: number,
): number {
  return db.write(() => {
    const run = runSeq(db, runId);
    if (isCancelling(db, run)) return 0;
    const jobs: Row[] = [];
    for (const state of states) {
      const found = db
        .sql(
          `SELECT id, state, lane FROM jobs INDEXED BY jobs_over
           WHERE run = ? AND state = '${state}' AND lane IS NOT NULL
           LIMIT ?`,
        )
        .all(run, chunkRows - jobs.length);
      jobs.push(...found);
    }
    requeue(db, run, jobs, now);
    return jobs.length;
  });
}

export function requeueJob(db: Database, id: number, now: number): boolean | undefined {
  return db.write(() => {
    const job = db.sql('SELECT id, run, state, lane FROM jobs WHERE id = ?').get(id);
    if (!job) return undefined;
    // Without a lane: it came with a batch of others, and there is no request that could be sent again.
    if (!requeueableStates.includes(jobStateOf(job)) || job.lane === null) return false;
    if (isCancelling(db, number(job, 'run'))) return false;
    requeue(db, number(job, 'run'), [job], now);
    return true;
  });
}

/** What is queued again in such a run would be cancelled at once. */
function isCancelling(db: Database, run: number): boolean {
  return db.sql("SELECT 1 FROM runs WHERE seq = ? AND state = 'cancelling'").get(run) !== undefined;
}

function requeue(db: Database, run: number, jobs: readonly Row[], now: number): void {
  if (jobs.length === 0) return;
  const row = db.sql('SELECT state, max_attempts FROM runs WHERE seq = ?').get(run) ?? {};
  const maxAttempts = number(row, 'max_attempts');
  // Who asks for a job again does not want it to wait until its queue is sent.
  const held = heldLanes(db, run);
  const update = db.sql(
    "UPDATE jobs SET state = 'queued', available_at = 0, last_attempt = attempts + ?, lane = ? WHERE id = ?",
  );
  const delta = new RunDelta();
  for (const job of jobs) {
    const id = number(job, 'id');
    const lane = number(job, 'lane');
    update.run(maxAttempts, held.has(lane) ? releasedLane(db, lane) : lane, id);
    db.sql('DELETE FROM results WHERE job = ?').run(id);
    dropCorrection(db, id);
    delta.move(jobStateOf(job), 'queued');
  }
  delta.write(db, run);
  if (row.state === 'ended') changeRun(db, run, { state: 'running' }, now);
  addEvent(db, { at: now, run, type: 'jobs_requeued', detail: String(jobs.length) });
}

/** A person asks again: the job's own request is sent, with all its chances. */
function dropCorrection(db: Database, job: number): void {
  const { changes } = db.sql('DELETE FROM corrections WHERE job = ?').run(job);
  if (Number(changes) === 0) return;
  db.sql(
    `UPDATE jobs SET bytes = p.bytes, tokens = tokens - (jobs.bytes - p.bytes) / 4,
       max_input = max_input - jobs.bytes + p.bytes
     FROM (SELECT job, octet_length(body) AS bytes FROM payloads WHERE job = ?1) p WHERE jobs.id = ?1 AND p.job = jobs.id`,
  ).run(job);
}
