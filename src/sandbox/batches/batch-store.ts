import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../database.ts';
import type { BatchRecord } from './batch-record.ts';
import { timelineOf } from './timeline.ts';

export interface BatchStore {
  insert(record: BatchRecord): void;
  find(id: string): BatchRecord | undefined;
  /** Reads, changes and writes in one transaction; `change` answering `undefined` leaves it as it was. */
  update(id: string, change: (record: BatchRecord) => BatchRecord | undefined): BatchRecord | undefined;
  /** Newest first, without those removed. `beforeId`: the page just before (newer than) that batch. */
  list(query: BatchQuery): BatchRecord[];
  all(): BatchRecord[];
  /** Executed batches whose end is reached. */
  due(nowMs: number): string[];
  /** What the account's unfinished batches hold together, of one model or of all. */
  queued(query: { provider: string; account: string; model?: string; nowMs: number }): { rows: number; tokens: number };
  /** Takes the lease on a batch nobody executes, if there is one. */
  claim(owner: string, leaseMs: number): BatchRecord | undefined;
  /** False when the lease is lost. */
  renew(id: string, owner: string, leaseMs: number): boolean;
  holdsLease(id: string, owner: string): boolean;
  release(owner: string): void;
}

export interface BatchQuery {
  provider: string;
  account: string;
  afterId?: string | undefined;
  beforeId?: string | undefined;
  limit: number;
}

export function createBatchStore(database: DatabaseSync): BatchStore {
  const insert = database.prepare(
    `INSERT INTO batches (id, provider, account, created_ms, phase, model, tokens, row_count, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const select = database.prepare('SELECT record FROM batches WHERE id = ?');
  const write = database.prepare(
    'UPDATE batches SET phase = ?, ends_ms = ?, model = ?, tokens = ?, row_count = ?, removed = ?, record = ? WHERE id = ?',
  );
  const owned = 'provider = ? AND account = ? AND removed = 0';
  const older = database.prepare(
    `SELECT record FROM batches WHERE ${owned} AND seq < coalesce((SELECT seq FROM batches WHERE id = ?), 9e18)
     ORDER BY seq DESC LIMIT ?`,
  );
  const newer = database.prepare(
    `SELECT record FROM batches WHERE ${owned} AND seq > (SELECT seq FROM batches WHERE id = ?) ORDER BY seq LIMIT ?`,
  );
  const all = database.prepare('SELECT record FROM batches ORDER BY seq');
  const due = database.prepare("SELECT id FROM batches WHERE phase = 'executed' AND ends_ms <= ? ORDER BY seq");
  const queued = database.prepare(
    `SELECT coalesce(sum(tokens), 0) AS tokens, coalesce(sum(row_count), 0) AS total FROM batches
     WHERE (phase = 'pending' OR (phase = 'executed' AND ends_ms > ?)) AND ${owned} AND coalesce(model = ?, 1)`,
  );
  // Leases run on real time: they are about processes, not about the emulated service.
  const claim = database.prepare(
    `UPDATE batches SET lease_owner = ?, lease_until = ? WHERE seq =
       (SELECT seq FROM batches WHERE phase = 'pending' AND lease_until < ? ORDER BY seq LIMIT 1) RETURNING record`,
  );
  const anyFree = database.prepare("SELECT 1 FROM batches WHERE phase = 'pending' AND lease_until < ? LIMIT 1");
  const renew = database.prepare(
    "UPDATE batches SET lease_until = ? WHERE id = ? AND lease_owner = ? AND phase = 'pending'",
  );
  const holder = database.prepare('SELECT lease_owner FROM batches WHERE id = ?');
  const release = database.prepare("UPDATE batches SET lease_until = 0 WHERE lease_owner = ? AND phase = 'pending'");
  const find = (id: string): BatchRecord | undefined => parse(select.get(id));
  return {
    find,
    insert(record) {
      const { id, provider, account, createdMs, phase, model, tokens, rows } = record;
      insert.run(id, provider, account, createdMs, phase, model, tokens, rows, JSON.stringify(record));
    },
    update(id, change) {
      return inTransaction(database, () => {
        const before = find(id);
        const after = before === undefined ? undefined : change(before);
        if (after === undefined) return before;
        const { endMs } = timelineOf(after);
        const { phase, model, tokens, rows } = after;
        write.run(phase, endMs, model, tokens, rows, after.removed ? 1 : 0, JSON.stringify(after), id);
        return after;
      });
    },
    list({ provider, account, afterId, beforeId, limit }) {
      if (beforeId === undefined) return parseAll(older.all(provider, account, afterId ?? null, limit));
      return parseAll(newer.all(provider, account, beforeId, limit)).reverse();
    },
    all: () => parseAll(all.all()),
    due: (nowMs) => due.all(nowMs).map((row) => String(row.id)),
    queued({ provider, account, model, nowMs }) {
      const sums = queued.get(nowMs, provider, account, model ?? null);
      return { rows: Number(sums?.total ?? 0), tokens: Number(sums?.tokens ?? 0) };
    },
    claim(owner, leaseMs) {
      const now = Date.now();
      // A look first: most ticks find nothing, and reading needs no write lock.
      return anyFree.get(now) === undefined ? undefined : parse(claim.get(owner, now + leaseMs, now));
    },
    renew: (id, owner, leaseMs) => Number(renew.run(Date.now() + leaseMs, id, owner).changes) === 1,
    holdsLease: (id, owner) => holder.get(id)?.lease_owner === owner,
    release(owner) {
      release.run(owner);
    },
  };
}

function parse(row: Record<string, unknown> | undefined): BatchRecord | undefined {
  const text = row?.record;
  return typeof text === 'string' ? (JSON.parse(text) as BatchRecord) : undefined;
}

function parseAll(rows: Record<string, unknown>[]): BatchRecord[] {
  return rows.map(parse).filter((record) => record !== undefined);
}
