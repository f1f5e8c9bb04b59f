import type { UnservedRun } from '../../service-store.ts';
import type { Lane, LaneKey, LaneMode, Scope } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import { firstJobId, lastJobId, runSeq } from './runs.ts';
import { inScope, longestPauseMs } from './scope.ts';

/** The run's lane of these words, made when there is none. A held one lets nothing go while the run is open. */
export function laneFor(db: Database, run: number, key: LaneKey, held: boolean): number {
  const values = [run, key.account, key.model, key.endpoint, held ? 1 : 0] as const;
  const known = db
    .sql('SELECT id FROM lanes WHERE run = ? AND account = ? AND model = ? AND endpoint = ? AND held = ?')
    .get(...values);
  if (known) return number(known, 'id');
  const { lastInsertRowid } = db
    .sql('INSERT INTO lanes (run, account, model, endpoint, held, provider, mode) VALUES (?, ?, ?, ?, ?, ?, ?)')
    .run(...values, key.provider, key.mode);
  return Number(lastInsertRowid);
}

/** The lane into which the jobs of a held one go when they are let go before their queue is sent. */
export function releasedLane(db: Database, held: number): number {
  const row = db.sql('SELECT * FROM lanes WHERE id = ?').get(held) ?? {};
  return laneFor(db, number(row, 'run'), keyOf(row), false);
}

/** Lanes with queued jobs that are not held, the highest run priority first. */
export function findLanes(db: Database, scope: Scope, now: number): Lane[] {
  const { where, values } = inScope(scope);
  const lanes = db
    .sql(
      `SELECT l.*, r.id AS run_id, p.state AS primer_state
       FROM runs r INDEXED BY runs_unfinished CROSS JOIN lanes l ON l.run = r.seq LEFT JOIN batches p ON p.id = l.primer
       WHERE r.state <> 'ended' AND r.queued > 0 AND r.over_budget = 0 AND (l.held = 0 OR r.state <> 'open')
         AND ${where} ORDER BY r.priority DESC, l.id`,
    )
    .all(...values);
  return lanes.flatMap((lane) => {
    const readyAt = readyTime(db, number(lane, 'id'), now);
    return readyAt === undefined ? [] : [toLane(lane, readyAt)];
  });
}

function readyTime(db: Database, lane: number, now: number): number | undefined {
  const ready = db
    .sql(
      `SELECT 1 FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = ?1
         AND (available_at <= ?2 OR available_at > ?3) LIMIT 1`,
    )
    .get(lane, now, now + longestPauseMs);
  if (ready) return now;
  const next = db
    .sql("SELECT min(available_at) AS at FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = ?")
    .get(lane);
  return next ? optionalNumber(next, 'at') : undefined;
}

function toLane(row: Row, readyAt: number): Lane {
  const key = keyOf(row);
  return {
    id: number(row, 'id'),
    runId: text(row, 'run_id'),
    ...key,
    readyAt,
    // What goes realtime for the deadline's sake waits for no batch.
    isPriming: key.mode === 'batch' && primingStates.includes(row.primer_state),
  };
}

function keyOf(row: Row): LaneKey {
  const mode = text(row, 'mode');
  return {
    provider: text(row, 'provider'),
    account: text(row, 'account'),
    model: text(row, 'model'),
    endpoint: text(row, 'endpoint'),
    mode: mode === 'batch' || mode === 'sequential' ? mode : 'realtime',
  };
}

/** While the primer is in one of these, the cache is cold. */
const primingStates: readonly unknown[] = ['packing', 'packed', 'submitting', 'unknown', 'in_progress'];

export function updateLane(db: Database, lane: number, change: { mode: LaneMode }): void {
  db.write(() => db.sql('UPDATE lanes SET mode = ? WHERE id = ?').run(change.mode, lane));
}

/** States in which the account that a batch was sent to must stay: it exists there, or may. */
const boundStates = "('submitting', 'unknown', 'in_progress', 'ended', 'collecting')";

export function moveAccount(db: Database, runId: string, from: string, to: string): boolean {
  return db.write(() => {
    const run = runSeq(db, runId);
    const lanes = db.sql('SELECT * FROM lanes WHERE run = ? AND account = ?').all(run, from);
    const bound = lanes.filter((lane) =>
      db.sql(`SELECT 1 FROM batches WHERE lane = ? AND state IN ${boundStates}`).get(number(lane, 'id')),
    );
    for (const lane of lanes) {
      takeUnsentBatches(db, number(lane, 'id'));
      if (bound.includes(lane)) moveUnsent(db, run, lane, to);
      else moveLane(db, run, lane, to);
    }
    return bound.length === 0;
  });
}

const unsentStates = "('packing', 'packed')";

/** Whoever is about to send one of them to the old account finds his lease gone, and does not. */
function takeUnsentBatches(db: Database, lane: number): void {
  db.sql(
    `UPDATE batches SET input_file_id = NULL, sha256 = NULL, lease_owner = NULL, lease_until = NULL,
       generation = generation + 1 WHERE lane = ? AND state IN ${unsentStates}`,
  ).run(lane);
}

/** What was not sent yet; what the old account has stays in its lane. */
function moveUnsent(db: Database, run: number, lane: Row, to: string): void {
  const from = number(lane, 'id');
  const other = laneFor(db, run, { ...keyOf(lane), account: to }, number(lane, 'held') === 1);
  const unsent = `SELECT id FROM batches WHERE lane = ?2 AND state IN ${unsentStates}`;
  db.sql(
    `UPDATE jobs SET lane = ?1 WHERE id IN (
       SELECT a.job FROM attempts a WHERE a.batch IN (${unsent}) AND a.outcome IS NULL) AND lane = ?2`,
  ).run(other, from);
  db.sql(`UPDATE batches SET lane = ?1 WHERE id IN (${unsent})`).run(other, from);
  db.sql("UPDATE jobs SET lane = ? WHERE state = 'queued' AND lane = ? AND id BETWEEN ? AND ?").run(
    other,
    from,
    firstJobId(run),
    lastJobId(run),
  );
}

/** Of every queue's run that has not ended: a few rows of its lanes, none of its jobs but the first. */
export function listUnserved(db: Database, accounts: readonly string[]): UnservedRun[] {
  const rows = db.read(() =>
    db
      .sql(
        `SELECT DISTINCT r.id, r.queue, r.simulated, l.provider, l.account
         FROM runs r INDEXED BY runs_unfinished CROSS JOIN lanes l ON l.run = r.seq
         WHERE r.state <> 'ended' AND r.queue IS NOT NULL AND l.account NOT IN (SELECT value FROM json_each(?))
           AND (EXISTS (SELECT 1 FROM jobs WHERE lane = l.id AND state = 'queued' AND leader IS NULL)
             OR EXISTS (SELECT 1 FROM batches WHERE run = r.seq AND lane = l.id AND state IN ${unsentStates}))`,
      )
      .all(JSON.stringify(accounts)),
  );
  return rows.map((row) => ({
    runId: text(row, 'id'),
    queue: text(row, 'queue'),
    provider: text(row, 'provider'),
    account: text(row, 'account'),
    simulated: number(row, 'simulated') === 1,
  }));
}

/** Into the lane that the other account has for the same model, or the lane as a whole. */
function moveLane(db: Database, run: number, lane: Row, to: string): void {
  const id = number(lane, 'id');
  const other = db
    .sql('SELECT id FROM lanes WHERE run = ? AND account = ? AND model = ? AND endpoint = ? AND held = ?')
    .get(run, to, text(lane, 'model'), text(lane, 'endpoint'), number(lane, 'held'));
  if (!other) {
    db.sql('UPDATE lanes SET account = ? WHERE id = ?').run(to, id);
    return;
  }
  db.sql('UPDATE jobs SET lane = ? WHERE id BETWEEN ? AND ? AND lane = ?').run(
    number(other, 'id'),
    firstJobId(run),
    lastJobId(run),
    id,
  );
  db.sql('UPDATE batches SET lane = ? WHERE lane = ?').run(number(other, 'id'), id);
}
