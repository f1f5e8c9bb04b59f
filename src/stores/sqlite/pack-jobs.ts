import { OffpeakError } from '../../errors.ts';
import { customId } from '../../ids.ts';
import type { ClaimedJob, CostBound, Lease, LeaseRequest, PackedJobs, PackRoom } from '../../store-rows.ts';
import { chunkRows } from '../../store-rows.ts';
import { requireLease } from './batches.ts';
import { beginClaim, claimColumns } from './claim.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import { RunDelta } from './runs.ts';
import { longestPauseMs } from './scope.ts';
import { endFlight } from './sharing.ts';

/** Queued jobs on their way out: into a batch, or to realtime calls. */

export function packJobs(db: Database, lease: Lease, room: PackRoom): PackedJobs {
  return db.write(() => {
    const batch = requireLease(db, lease);
    if (text(batch, 'state') !== 'packing') {
      throw new OffpeakError(`Batch ${lease.batchId} is sealed already.`, { code: 'conflict' });
    }
    const delta = new RunDelta();
    const packed = claimInto(db, batch, room, delta);
    db.sql(
      `UPDATE batches SET requests = requests + ?, bytes = bytes + ?, tokens = tokens + ?, inputs = inputs + ?
       WHERE id = ?`,
    ).run(packed.packed, packed.bytes, packed.tokens, packed.inputs, lease.batchId);
    delta.move('queued', 'packed', packed.packed);
    delta.move('queued', 'failed', packed.oversize);
    delta.write(db, number(batch, 'run'));
    return packed;
  });
}

function claimInto(db: Database, batch: Row, room: PackRoom, delta: RunDelta): PackedJobs {
  const batchId = number(batch, 'id');
  const nonce = text(batch, 'nonce');
  const claim = beginClaim(db, number(batch, 'lane'), delta, room.bound);
  const insert = db.sql('INSERT INTO attempts (job, number, batch, started_at, reserved_nano) VALUES (?, ?, ?, ?, ?)');
  const update = db.sql("UPDATE jobs SET state = 'packed', attempts = ?, batch = ? WHERE id = ?");
  const packed: PackedJobs = {
    packed: 0,
    bytes: 0,
    tokens: 0,
    inputs: 0,
    spared: 0,
    full: false,
    oversize: 0,
    overBudget: false,
  };
  // Its lane has gone realtime meanwhile: what is sealed now is taken apart again, and nothing more may go into it.
  const { mode } = db.sql('SELECT mode FROM lanes WHERE id = ?').get(number(batch, 'lane')) ?? {};
  if (mode !== 'batch') return { ...packed, full: true };
  for (const row of queuedJobs(db, number(batch, 'lane'), room.now, Math.max(0, Math.min(chunkRows, room.requests)))) {
    const job = number(row, 'id');
    const attempt = number(row, 'attempts') + 1;
    // A custom id is ASCII.
    const bytes = room.lineOverhead + number(row, 'bytes') + customId(nonce, job, attempt).length;
    const inputs = number(row, 'inputs');
    const oversize = oversizeReason({ bytes, inputs }, room);
    if (oversize !== undefined) {
      failOversize(db, row, oversize);
      packed.oversize += 1;
      continue;
    }
    const after = {
      bytes: packed.bytes + bytes,
      tokens: packed.tokens + number(row, 'tokens'),
      inputs: packed.inputs + inputs,
    };
    packed.full = !fits(after, room, number(batch, 'requests') + packed.packed === 0);
    if (packed.full) break;
    const taken = claim.take(row);
    packed.overBudget = taken.type === 'over_budget';
    if (taken.type === 'over_budget') break;
    if (taken.type === 'spared') {
      packed.spared += 1;
      continue;
    }
    insert.run(job, attempt, batchId, room.now, taken.reserved);
    update.run(attempt, batchId, job);
    packed.packed += 1;
    Object.assign(packed, after);
  }
  packed.full ||= packed.packed >= room.requests;
  return packed;
}

/** Why a request goes into no batch, however empty. */
function oversizeReason({ bytes, inputs }: { bytes: number; inputs: number }, room: PackRoom): string | undefined {
  const { maxBytes, maxInputs } = room;
  if (bytes > maxBytes) {
    return `the request takes ${bytes} bytes; a batch of this provider holds ${maxBytes}. Try --mode realtime`;
  }
  if (maxInputs === undefined || inputs <= maxInputs) return undefined;
  return `the request has ${inputs} inputs to embed; a batch of this provider holds ${maxInputs}. Split it into several`;
}

function fits(sum: { bytes: number; tokens: number; inputs: number }, room: PackRoom, isFirst: boolean): boolean {
  if (sum.bytes > room.bytes || (room.inputs !== undefined && sum.inputs > room.inputs)) return false;
  // One request goes whatever is known of the limit: only the provider can say that it is too large.
  return room.tokens === undefined || sum.tokens <= room.tokens || isFirst;
}

function queuedJobs(db: Database, lane: number, now: number, limit: number): Row[] {
  return db
    .sql(
      `SELECT ${claimColumns} FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = ?
         AND (available_at <= ? OR available_at > ?) ORDER BY priority DESC, id LIMIT ?`,
    )
    .all(lane, now, now + longestPauseMs, limit);
}

function failOversize(db: Database, row: Row, reason: string): void {
  const job = number(row, 'id');
  db.sql("UPDATE jobs SET state = 'failed' WHERE id = ?").run(job);
  // It was small enough once: the correction of its answer has made it longer.
  endFlight(db, job, optionalNumber(row, 'hash'));
  db.sql("INSERT OR REPLACE INTO results (job, error_code, error_message) VALUES (?, 'too_large', ?)").run(job, reason);
}

/** Each attempt carries the lease. */
export function claimJobs(
  db: Database,
  lane: number,
  limit: number,
  owner: LeaseRequest,
  bound: CostBound | undefined,
): ClaimedJob[] {
  return db.write(() => {
    const laneRow = db.sql('SELECT run, endpoint FROM lanes WHERE id = ?').get(lane);
    if (!laneRow) return [];
    const delta = new RunDelta();
    const claim = beginClaim(db, lane, delta, bound);
    const claimed: ClaimedJob[] = [];
    for (const row of queuedJobs(db, lane, owner.now, limit)) {
      const taken = claim.take(row);
      if (taken.type === 'over_budget') break;
      if (taken.type === 'spared') continue;
      claimed.push(startCall(db, row, text(laneRow, 'endpoint'), owner, taken.reserved));
    }
    delta.move('queued', 'running', claimed.length);
    delta.write(db, number(laneRow, 'run'));
    return claimed;
  });
}

function startCall(db: Database, row: Row, endpoint: string, owner: LeaseRequest, reserved: number | null): ClaimedJob {
  const job = number(row, 'id');
  const attempt = number(row, 'attempts') + 1;
  db.sql(
    `INSERT INTO attempts (job, number, started_at, lease_owner, lease_until, reserved_nano)
     VALUES (?, ?, ?, ?, ?, ?)`,
  ).run(job, attempt, owner.now, owner.owner, owner.now + owner.leaseMs, reserved);
  db.sql("UPDATE jobs SET state = 'running', attempts = ?, batch = NULL WHERE id = ?").run(attempt, job);
  const content = db
    .sql(
      `SELECT j.key, coalesce(c.body, p.body) AS body FROM jobs j JOIN payloads p ON p.job = j.id
         LEFT JOIN corrections c ON c.job = j.id WHERE j.id = ?`,
    )
    .get(job);
  return {
    job,
    attempt,
    key: content ? text(content, 'key') : '',
    endpoint,
    body: content ? text(content, 'body') : '',
  };
}
