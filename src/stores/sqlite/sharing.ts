import { chunkRows } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, type Row } from './rows.ts';
import { firstJobId, lastJobId, RunDelta, runSeq } from './runs.ts';

/**
 * One request, one answer: a job whose request was answered before takes that answer; one whose request is under way
 * follows it, and is not sent. Found by the hash of the body, decided by the bodies themselves, the account and the path.
 * A job that leads follows nobody, so there are no circles; a fresh run's jobs lead, but neither follow nor reuse.
 */

/** What a run's changes are gathered in, by the run's number: followers may belong to other runs. */
export type RunDeltas = Map<number, RunDelta>;

export function deltaOf(deltas: RunDeltas, run: number): RunDelta {
  let delta = deltas.get(run);
  if (!delta) {
    delta = new RunDelta();
    deltas.set(run, delta);
  }
  return delta;
}

interface Wanted {
  job: number;
  hash: number | null;
  account: string;
  endpoint: string;
}

/** Jobs that share their request with a wanted one: by hash, then by the bodies themselves. */
const sharing = `shared_requests s JOIN jobs j ON j.id = s.job JOIN lanes l ON l.id = j.lane
  JOIN payloads p ON p.job = s.job JOIN payloads own ON own.job = ?2
  WHERE s.hash = ?1 AND l.account = ?3 AND l.endpoint = ?4 AND p.body = own.body`;

/** An ended job with the answer to exactly this request; the job's own body is in the store already. */
export function findAnswer(db: Database, wanted: Wanted): number | undefined {
  const found = db
    .sql(`SELECT j.id FROM ${sharing} AND j.state = 'succeeded' ORDER BY j.id LIMIT 1`)
    .get(wanted.hash, wanted.job, wanted.account, wanted.endpoint);
  return found && number(found, 'id');
}

/** Gives a queued job the answer of another one. */
export function takeAnswer(db: Database, job: Row, from: number, delta: RunDelta): void {
  const id = number(job, 'id');
  db.sql(
    `INSERT OR REPLACE INTO results (job, output, response, finish_reason)
     SELECT ?, output, response, finish_reason FROM results WHERE job = ?`,
  ).run(id, from);
  const source = db.sql('SELECT reused_from FROM jobs WHERE id = ?').get(from) ?? {};
  const origin = optionalNumber(source, 'reused_from') ?? from;
  db.sql("UPDATE jobs SET state = 'succeeded', reused_from = ?, leader = NULL WHERE id = ?").run(origin, id);
  delta.move('queued', 'succeeded');
  delta.reused += 1;
  const paid = db
    .sql("SELECT cost_nano FROM attempts WHERE job = ? AND outcome = 'succeeded' ORDER BY number DESC LIMIT 1")
    .get(origin);
  delta.reusedNano += (paid && optionalNumber(paid, 'cost_nano')) ?? 0;
  // It may have been under way before, and be followed itself.
  endFlight(db, id, optionalNumber(job, 'hash'));
}

/** A job under way with exactly this request; none for one that leads others already. */
export function findLeader(db: Database, wanted: Wanted): number | undefined {
  const found = db
    .sql(`SELECT j.id FROM ${sharing} AND j.state <> 'succeeded' ORDER BY j.id <> ?2 LIMIT 1`)
    .get(wanted.hash, wanted.job, wanted.account, wanted.endpoint);
  const leader = found && number(found, 'id');
  return leader === wanted.job ? undefined : leader;
}

/**
 * As `findLeader`, for a job that goes realtime: it waits for no batch of another run, which may take a day. Of its own
 * run the deadline takes what is in a batch realtime as well.
 */
export function findQuickLeader(db: Database, wanted: Wanted, run: number): number | undefined {
  const leaders = db
    .sql(`SELECT j.id, j.run, j.state, j.batch, l.mode FROM ${sharing} AND j.state <> 'succeeded' ORDER BY j.id <> ?2`)
    .all(wanted.hash, wanted.job, wanted.account, wanted.endpoint);
  const isQueued = (row: Row) => row.state === 'queued';
  const isSlow = (row: Row) => row.run !== run && (isQueued(row) ? row.mode === 'batch' : row.batch !== null);
  const quick = leaders.find((row) => !isSlow(row));
  if (quick) return quick.id === wanted.job ? undefined : number(quick, 'id');
  // What is not sent yet follows this one in its turn.
  for (const row of leaders.filter(isQueued)) endFlight(db, number(row, 'id'), wanted.hash ?? undefined);
  return undefined;
}

/** From now on others with the same request wait for this one, and take its answer. */
export function lead(db: Database, job: number, hash: number | null): void {
  if (hash !== null) db.sql('INSERT OR IGNORE INTO shared_requests (hash, job) VALUES (?, ?)').run(hash, job);
}

export function follow(db: Database, job: number, leader: number): void {
  db.sql('UPDATE jobs SET leader = ? WHERE id = ?').run(leader, job);
}

/** A job is not under way any more, and has no answer to share. */
export function endFlight(db: Database, job: number, hash: number | undefined): void {
  if (hash !== undefined) db.sql('DELETE FROM shared_requests WHERE hash = ? AND job = ?').run(hash, job);
  land(db, job);
}

/** What becomes of those that follow a job that has ended is settled afterwards, for they may be many. */
export function land(db: Database, job: number): void {
  db.sql('INSERT OR IGNORE INTO landed (job) SELECT ?1 WHERE EXISTS (SELECT 1 FROM jobs WHERE leader = ?1)').run(job);
}

/** Whether anybody follows one of these jobs: most chunks need not ask for each. */
export function areFollowed(db: Database, first: number, last: number): boolean {
  return db.sql('SELECT 1 FROM jobs WHERE leader BETWEEN ? AND ? LIMIT 1').get(first, last) !== undefined;
}

/** Rows that one call of `settleFollowers` takes; answers are copied, which costs 25 us a kilobyte. */
const settleRows = 250;

export function settleFollowers(db: Database): number {
  const next = () => db.sql('SELECT l.job, j.state FROM landed l JOIN jobs j ON j.id = l.job LIMIT 1').get();
  // Looked up outside of the transaction: an idle worker takes no write lock.
  if (!db.read(next)) return 0;
  return db.write(() => {
    const deltas: RunDeltas = new Map();
    let settled = 0;
    for (let landed = next(); landed && settled < settleRows; landed = next()) {
      const job = number(landed, 'job');
      const followers = db
        .sql('SELECT id, run, hash FROM jobs WHERE leader = ? LIMIT ?')
        .all(job, settleRows - settled);
      for (const follower of followers) {
        if (landed.state === 'succeeded') takeAnswer(db, follower, job, deltaOf(deltas, number(follower, 'run')));
        else db.sql('UPDATE jobs SET leader = NULL WHERE id = ?').run(number(follower, 'id'));
      }
      settled += followers.length;
      if (settled === settleRows) break;
      // One more for the leader: many that nobody follows any more are a chunk as well.
      db.sql('DELETE FROM landed WHERE job = ?').run(job);
      settled += 1;
    }
    for (const [run, delta] of deltas) delta.write(db, run);
    return settled;
  });
}

export function checkFollowers(
  db: Database,
  runId: string,
  afterLeader: number,
): { batchIds: number[]; lastLeader: number | undefined } {
  const run = db.read(() => runSeq(db, runId));
  const leaders = db.read(() =>
    db
      .sql(
        `SELECT lead.id, lead.run, lead.hash, lead.state, lead.batch FROM (
           SELECT DISTINCT leader FROM jobs INDEXED BY jobs_leader
           WHERE leader > ? AND id BETWEEN ? AND ? ORDER BY leader LIMIT ?) f JOIN jobs lead ON lead.id = f.leader
         ORDER BY lead.id`,
      )
      .all(afterLeader, firstJobId(run), lastJobId(run), chunkRows),
  );
  const others = leaders.filter((row) => row.run !== run);
  const isUnderWay = (row: Row) => row.state === 'packed' || row.state === 'running';
  const idle = others.filter((row) => !isUnderWay(row));
  const leave = (row: Row) => {
    const id = number(row, 'id');
    const now = db.sql('SELECT state FROM jobs WHERE id = ?').get(id);
    // Answered, and its followers not settled yet: it stays in the list, or the next who asks would pay again.
    if (now?.state === 'succeeded') land(db, id);
    // Its followers go their own way: the first of them leads from now on, and this one will follow it.
    else if (now && !isUnderWay(now)) endFlight(db, id, optionalNumber(row, 'hash'));
  };
  if (idle.length > 0) db.write(() => idle.forEach(leave));
  const held = others.filter(isUnderWay).flatMap((row) => optionalNumber(row, 'batch') ?? []);
  const last = leaders.at(-1);
  return { batchIds: [...new Set(held)], lastLeader: last && number(last, 'id') };
}

export function leaveUnpaid(db: Database, runId: string, afterLeader: number): number | undefined {
  const run = db.read(() => runSeq(db, runId));
  const leaders = db.read(() =>
    db
      .sql(
        `SELECT DISTINCT leader FROM jobs INDEXED BY jobs_leader WHERE leader > ? AND leader <= ?
         ORDER BY leader LIMIT ?`,
      )
      .all(Math.max(afterLeader, firstJobId(run)), lastJobId(run), chunkRows),
  );
  const waits = ({ leader }: Row) =>
    db
      .sql(
        `SELECT j.id, j.hash FROM jobs j JOIN runs r ON r.seq = j.run
         WHERE j.id = ? AND j.state = 'queued' AND r.over_budget = 1 AND j.id NOT IN (SELECT job FROM landed)`,
      )
      .all(leader ?? null);
  // Looked up outside of the transaction: where nobody waits, no write lock is taken.
  const waiting = db.read(() => leaders.filter((row) => waits(row).length > 0));
  if (waiting.length > 0) {
    db.write(() => {
      for (const row of waiting.flatMap(waits)) endFlight(db, number(row, 'id'), optionalNumber(row, 'hash'));
    });
  }
  const last = leaders.at(-1);
  return last && number(last, 'leader');
}

export function leaveBatches(db: Database, runId: string): number {
  const run = db.read(() => runSeq(db, runId));
  const find = () =>
    db
      .sql(
        `SELECT f.id FROM jobs f INDEXED BY jobs_leader JOIN jobs lead ON lead.id = f.leader
         WHERE f.leader IS NOT NULL AND f.id BETWEEN ? AND ? AND lead.run <> f.run AND lead.batch IS NOT NULL
           AND lead.state IN ('packed', 'running') LIMIT ?`,
      )
      .all(firstJobId(run), lastJobId(run), chunkRows);
  // Looked up outside of the transaction: where nobody waits, no write lock is taken.
  if (db.read(find).length === 0) return 0;
  return db.write(() => {
    const followers = find();
    for (const row of followers) db.sql('UPDATE jobs SET leader = NULL WHERE id = ?').run(number(row, 'id'));
    return followers.length;
  });
}
