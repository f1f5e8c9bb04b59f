import type { QueueState, ScheduleMark } from '../../service-store.ts';
import { chunkRows } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { HeldDelta, heldLanes } from './held-jobs.ts';
import { releasedLane } from './lanes.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import { changeRun, runSeq } from './runs.ts';

/** Queues are sent: as a whole, when their run is sealed, or the first so many of their jobs. */

export function sealQueues(
  db: Database,
  runIds: readonly string[],
  now: number,
  mark: ScheduleMark | undefined,
): string[] | 'marked' {
  return db.write(() => {
    if (mark && !setMark(db, mark, now)) return 'marked';
    return runIds.filter((id) => {
      const open = db.sql("SELECT seq FROM runs WHERE id = ? AND state = 'open' AND queue IS NOT NULL").get(id);
      if (open) changeRun(db, number(open, 'seq'), { state: 'running' }, now);
      return open !== undefined;
    });
  });
}

function setMark(db: Database, { name, dueAt }: ScheduleMark, now: number): boolean {
  const { changes } = db
    .sql('INSERT INTO schedule_marks (name, due_at, marked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    .run(name, dueAt, now);
  return changes === 1;
}

export function lastMark(db: Database, name: string): number | undefined {
  const row = db.read(() => db.sql('SELECT max(due_at) AS at FROM schedule_marks WHERE name = ?').get(name));
  return row && optionalNumber(row, 'at');
}

interface Release {
  runId: string;
  limit: number;
  callbackUrl: string | undefined;
}

export function release(db: Database, { runId, limit, callbackUrl }: Release, now: number): number {
  return db.write(() => {
    const run = runSeq(db, runId);
    const lanes = heldLanes(db, run);
    const next = [...lanes]
      .flatMap((lane) => nextHeld(db, lane, Math.max(0, Math.min(limit, chunkRows))))
      .sort((a, b) => number(b, 'priority') - number(a, 'priority') || number(a, 'id') - number(b, 'id'))
      .slice(0, Math.min(limit, chunkRows));
    letGo(db, run, next);
    if (next.length === 0) return 0;
    if (callbackUrl !== undefined) addRunCallback(db, run, callbackUrl);
    sealEmptyQueue(db, run, now);
    return next.length;
  });
}

function addRunCallback(db: Database, run: number, url: string): void {
  db.sql('INSERT INTO run_callbacks (run, url) VALUES (?, ?) ON CONFLICT DO NOTHING').run(run, url);
}

export function listRunCallbacks(db: Database, runId: string): string[] {
  const sql = 'SELECT c.url FROM runs r JOIN run_callbacks c ON c.run = r.seq WHERE r.id = ?';
  return db.read(() => db.sql(sql).all(runId)).map((row) => text(row, 'url'));
}

/**
 * Whoever takes the last held job of a queue's run seals it in the same transaction: nothing would come to send it, so it
 * would stay open for ever. The queue's next job begins another run.
 */
export function sealEmptyQueue(db: Database, run: number, now: number): void {
  const open = db
    .sql(
      `SELECT 1 FROM runs WHERE seq = ?1 AND state = 'open' AND queue IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM held_jobs WHERE run = ?1 AND jobs > 0)`,
    )
    .get(run);
  if (open) changeRun(db, run, { state: 'running' }, now);
}

/** By priority, then arrival: of every lane as many as are wanted in all, for each may hold the foremost. */
function nextHeld(db: Database, lane: number, limit: number): Row[] {
  return db
    .sql(
      `SELECT id, lane, priority FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = ?
       ORDER BY priority DESC, id LIMIT ?`,
    )
    .all(lane, limit);
}

/** Held jobs (`id`, `lane`) into the lanes from which they may be sent though their run is open. */
function letGo(db: Database, run: number, jobs: readonly Row[]): void {
  const released = new Map<number, number>();
  const held = new HeldDelta();
  for (const job of jobs) {
    const lane = number(job, 'lane');
    const to = released.get(lane) ?? releasedLane(db, lane);
    released.set(lane, to);
    const moved = db.sql('UPDATE jobs SET lane = ? WHERE id = ? RETURNING priority, bytes').get(to, number(job, 'id'));
    if (moved) held.add(number(moved, 'priority'), number(moved, 'bytes'), -1);
  }
  held.write(db, run);
}

export function listQueues(db: Database): QueueState[] {
  return db.read(() => {
    const sums = db
      .sql(
        `SELECT h.run, h.priority, h.jobs, h.bytes, r.id, r.queue, r.provider, r.simulated
         FROM held_jobs h CROSS JOIN runs r ON r.seq = h.run
         WHERE h.jobs > 0 AND r.state = 'open' ORDER BY r.queue, r.provider, h.priority DESC`,
      )
      .all();
    const queues = new Map<number, QueueState>();
    for (const sum of sums) {
      const run = number(sum, 'run');
      const queue = queues.get(run) ?? emptyQueue(db, sum);
      queues.set(run, queue);
      queue.held += number(sum, 'jobs');
      queue.bytes += number(sum, 'bytes');
      queue.priorities.push({ priority: number(sum, 'priority'), jobs: number(sum, 'jobs') });
    }
    return [...queues.values()];
  });
}

function emptyQueue(db: Database, row: Row): QueueState {
  return {
    runId: text(row, 'id'),
    queue: text(row, 'queue'),
    provider: text(row, 'provider'),
    simulated: number(row, 'simulated') === 1,
    held: 0,
    priorities: [],
    bytes: 0,
    oldestAt: oldestHeld(db, number(row, 'run')),
  };
}

/** The first of each lane and priority: one place in the index each, however many follow it. */
function oldestHeld(db: Database, run: number): number {
  const row = db
    .sql(
      `SELECT created_at FROM queued_jobs WHERE job = (
         SELECT min((SELECT id FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = l.id
           AND priority = h.priority ORDER BY id LIMIT 1))
         FROM lanes l JOIN held_jobs h ON h.run = l.run WHERE l.run = ? AND l.held = 1 AND h.jobs > 0)`,
    )
    .get(run);
  return number(row ?? {}, 'created_at');
}
