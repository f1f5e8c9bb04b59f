import { isEnded } from '../../job.ts';
import { chunkRows } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { HeldDelta, heldLanes } from './held-jobs.ts';
import { sealEmptyQueue } from './queues.ts';
import { jobStateOf, number, optionalNumber, type Row, text } from './rows.ts';
import { firstJobId, lastJobId, RunDelta, runSeq } from './runs.ts';
import { endFlight } from './sharing.ts';

/** What was not sent yet is dropped; batches are asked to stop. */

/** What `endCancelled` needs of a job. */
const columns = 'id, hash, lane, priority, bytes';

/** Cancels a chunk of a run's queued jobs. */
export function cancelQueuedJobs(db: Database, runId: string): number {
  return db.write(() => {
    const run = runSeq(db, runId);
    const rows = db
      .sql(
        `UPDATE jobs SET state = 'cancelled' WHERE id IN (
           SELECT j.id FROM lanes l JOIN jobs j ON j.lane = l.id AND j.state = 'queued' AND j.leader IS NULL
           WHERE l.run = ? LIMIT ?)
         RETURNING ${columns}`,
      )
      .all(run, chunkRows);
    // And those that wait for another's answer.
    const following = db
      .sql(
        `UPDATE jobs SET state = 'cancelled', leader = NULL WHERE id IN (
           SELECT id FROM jobs INDEXED BY jobs_leader WHERE leader IS NOT NULL AND id BETWEEN ? AND ? LIMIT ?)
         RETURNING ${columns}`,
      )
      .all(firstJobId(run), lastJobId(run), chunkRows - rows.length);
    rows.push(...following);
    endCancelled(db, run, rows);
    return rows.length;
  });
}

export function cancelJob(db: Database, id: number, now: number): 'cancelled' | 'under_way' | 'ended' | undefined {
  return db.write(() => {
    const job = db.sql('SELECT run, state, key FROM jobs WHERE id = ?').get(id);
    if (!job) return undefined;
    const state = jobStateOf(job);
    if (state !== 'queued') return isEnded(state) ? 'ended' : 'under_way';
    const run = number(job, 'run');
    const rows = db.sql(`UPDATE jobs SET state = 'cancelled', leader = NULL WHERE id = ? RETURNING ${columns}`).all(id);
    endCancelled(db, run, rows);
    addEvent(db, { at: now, run, type: 'job_cancelled', detail: text(job, 'key') });
    sealEmptyQueue(db, run, now);
    return 'cancelled';
  });
}

function endCancelled(db: Database, run: number, jobs: readonly Row[]): void {
  const lanes = heldLanes(db, run);
  const held = new HeldDelta();
  for (const job of jobs) {
    const id = number(job, 'id');
    endFlight(db, id, optionalNumber(job, 'hash'));
    db.sql(
      `INSERT INTO results (job, error_code, error_message) VALUES (?, 'cancelled', 'cancelled before it was sent')
       ON CONFLICT (job) DO NOTHING`,
    ).run(id);
    if (lanes.has(optionalNumber(job, 'lane') ?? 0)) held.add(number(job, 'priority'), number(job, 'bytes'), -1);
  }
  held.write(db, run);
  const delta = new RunDelta();
  delta.move('queued', 'cancelled', jobs.length);
  delta.write(db, run);
  // The one that did not fit into the budget may be among them, and those behind it may fit.
  if (jobs.length > 0) db.sql('UPDATE runs SET over_budget = 0 WHERE seq = ?').run(run);
}

/** While the provider may still be at it: what has ended there is only to be read. */
const stoppable = "('packing', 'packed', 'submitting', 'unknown', 'in_progress')";

export function cancelBatch(db: Database, id: number, now: number): boolean | undefined {
  return db.write(() => {
    const batch = db.sql('SELECT run, cancel_wanted FROM batches WHERE id = ?').get(id);
    if (!batch) return undefined;
    // Due now: whoever works on it need not wait for its next turn.
    const { changes } = db
      .sql(`UPDATE batches SET cancel_wanted = 1, next_at = 0 WHERE id = ? AND state IN ${stoppable}`)
      .run(id);
    if (changes === 0) return false;
    if (batch.cancel_wanted === 0) {
      addEvent(db, { at: now, run: number(batch, 'run'), batch: id, type: 'batch_cancel_wanted' });
    }
    return true;
  });
}
