import { OffpeakError } from '../../errors.ts';
import { customId } from '../../ids.ts';
import type { ClaimedJob, Lane, LaneMode, Lease, LeaseRequest, PackedJobs, PackRoom, Scope } from '../../store.ts';
import { chunkRows } from '../../store.ts';
import { requireLease } from './batches.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import { firstJobId, lastJobId, RunDelta, runSeq } from './runs.ts';
import { inScope, longestPauseMs } from './scope.ts';

/** Lanes with queued jobs, the highest run priority first. */
export function findLanes(db: Database, scope: Scope, now: number): Lane[] {
  const { where, values } = inScope(scope);
  const lanes = db
    .sql(
      `SELECT l.*, r.id AS run_id FROM runs r JOIN lanes l ON l.run = r.seq
       WHERE r.state <> 'ended' AND r.queued > 0 AND ${where} ORDER BY r.priority DESC, l.id`,
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
      "SELECT 1 FROM jobs WHERE state = 'queued' AND lane = ?1 AND (available_at <= ?2 OR available_at > ?3) LIMIT 1",
    )
    .get(lane, now, now + longestPauseMs);
  if (ready) return now;
  const next = db.sql("SELECT min(available_at) AS at FROM jobs WHERE state = 'queued' AND lane = ?").get(lane);
  return next ? optionalNumber(next, 'at') : undefined;
}

function toLane(row: Row, readyAt: number): Lane {
  const mode = text(row, 'mode');
  return {
    id: number(row, 'id'),
    runId: text(row, 'run_id'),
    provider: text(row, 'provider'),
    account: text(row, 'account'),
    model: text(row, 'model'),
    endpoint: text(row, 'endpoint'),
    mode: mode === 'batch' || mode === 'sequential' ? mode : 'realtime',
    readyAt,
  };
}

export function updateLane(db: Database, lane: number, change: { mode?: LaneMode; maxRequests?: number }): void {
  db.write(() =>
    db
      .sql('UPDATE lanes SET mode = coalesce(?, mode), max_requests = coalesce(?, max_requests) WHERE id = ?')
      .run(change.mode ?? null, change.maxRequests ?? null, lane),
  );
}

/** States in which the account that a batch was sent to must stay: it exists there, or may. */
const boundStates = "('submitting', 'unknown', 'in_progress', 'ended', 'collecting')";

export function moveAccount(db: Database, runId: string, from: string, to: string): boolean {
  return db.write(() => {
    const run = runSeq(db, runId);
    const lanes = db.sql('SELECT * FROM lanes WHERE run = ? AND account = ?').all(run, from);
    const isBound = lanes.some((lane) =>
      db.sql(`SELECT 1 FROM batches WHERE lane = ? AND state IN ${boundStates}`).get(number(lane, 'id')),
    );
    if (isBound) return false;
    for (const lane of lanes) moveLane(db, run, lane, to);
    return true;
  });
}

/** Into the lane that the other account has for the same model, or the lane as a whole. */
function moveLane(db: Database, run: number, lane: Row, to: string): void {
  const id = number(lane, 'id');
  db.sql("UPDATE batches SET input_file_id = NULL, sha256 = NULL WHERE lane = ? AND state = 'packed'").run(id);
  const other = db
    .sql('SELECT id FROM lanes WHERE run = ? AND account = ? AND model = ? AND endpoint = ?')
    .get(run, to, text(lane, 'model'), text(lane, 'endpoint'));
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

/** Claims the next queued jobs of a batch's lane into it, by priority, then arrival. */
export function packJobs(db: Database, lease: Lease, room: PackRoom): PackedJobs {
  return db.write(() => {
    const batch = requireLease(db, lease);
    if (text(batch, 'state') !== 'packing') {
      throw new OffpeakError(`Batch ${lease.batchId} is sealed already.`, { code: 'conflict' });
    }
    const run = number(batch, 'run');
    const nonce = text(batch, 'nonce');
    const rows = queuedJobs(db, number(batch, 'lane'), room.now, Math.min(chunkRows, room.requests));
    const insert = db.sql('INSERT INTO attempts (job, number, batch, started_at) VALUES (?, ?, ?, ?)');
    const update = db.sql("UPDATE jobs SET state = 'packed', attempts = ?, batch = ? WHERE id = ?");
    const packed: PackedJobs = { packed: 0, bytes: 0, full: false, oversize: 0 };
    for (const row of rows) {
      const job = number(row, 'id');
      const attempt = number(row, 'attempts') + 1;
      const bytes = room.lineBytes(number(row, 'bytes'), customId(nonce, job, attempt));
      if (bytes > room.maxBytes) {
        failOversize(db, job, bytes, room.maxBytes);
        packed.oversize += 1;
        continue;
      }
      packed.full = packed.bytes + bytes > room.bytes;
      if (packed.full) break;
      insert.run(job, attempt, lease.batchId, room.now);
      update.run(attempt, lease.batchId, job);
      packed.packed += 1;
      packed.bytes += bytes;
    }
    packed.full ||= packed.packed === room.requests;
    db.sql('UPDATE batches SET requests = requests + ?, bytes = bytes + ? WHERE id = ?').run(
      packed.packed,
      packed.bytes,
      lease.batchId,
    );
    const delta = new RunDelta();
    delta.move('queued', 'packed', packed.packed);
    delta.move('queued', 'failed', packed.oversize);
    delta.write(db, run);
    return packed;
  });
}

function queuedJobs(db: Database, lane: number, now: number, limit: number): Row[] {
  return db
    .sql(
      `SELECT id, bytes, attempts FROM jobs WHERE state = 'queued' AND lane = ? AND (available_at <= ? OR available_at > ?)
       ORDER BY priority DESC, id LIMIT ?`,
    )
    .all(lane, now, now + longestPauseMs, limit);
}

function failOversize(db: Database, job: number, bytes: number, maxBytes: number): void {
  db.sql("UPDATE jobs SET state = 'failed' WHERE id = ?").run(job);
  db.sql(
    `INSERT INTO results (job, error_code, error_message) VALUES (?, 'too_large', ?)
     ON CONFLICT (job) DO UPDATE SET error_code = excluded.error_code, error_message = excluded.error_message`,
  ).run(job, `the request takes ${bytes} bytes; a batch of this provider holds ${maxBytes}. Try --mode realtime`);
}

/** Claims queued jobs for realtime calls; each attempt carries the lease. */
export function claimJobs(db: Database, lane: number, limit: number, owner: LeaseRequest): ClaimedJob[] {
  return db.write(() => {
    const laneRow = db.sql('SELECT run, endpoint FROM lanes WHERE id = ?').get(lane);
    if (!laneRow) return [];
    const claimed = queuedJobs(db, lane, owner.now, limit).map((row): ClaimedJob => {
      const job = number(row, 'id');
      const attempt = number(row, 'attempts') + 1;
      db.sql('INSERT INTO attempts (job, number, started_at, lease_owner, lease_until) VALUES (?, ?, ?, ?, ?)').run(
        job,
        attempt,
        owner.now,
        owner.owner,
        owner.now + owner.leaseMs,
      );
      db.sql("UPDATE jobs SET state = 'running', attempts = ?, batch = NULL WHERE id = ?").run(attempt, job);
      const content = db
        .sql('SELECT j.key, p.body FROM jobs j JOIN payloads p ON p.job = j.id WHERE j.id = ?')
        .get(job);
      return {
        job,
        attempt,
        key: content ? text(content, 'key') : '',
        endpoint: text(laneRow, 'endpoint'),
        body: content ? text(content, 'body') : '',
      };
    });
    const delta = new RunDelta();
    delta.move('queued', 'running', claimed.length);
    delta.write(db, number(laneRow, 'run'));
    return claimed;
  });
}
