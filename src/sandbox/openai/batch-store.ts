import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../database.ts';
import type { BatchRecord } from './batch-record.ts';
import { timelineOf } from './batch-timeline.ts';

export interface BatchStore {
  insert(record: BatchRecord): void;
  find(id: string): BatchRecord | undefined;
  /** Reads, changes and writes in one transaction; `change` answering `undefined` leaves it as it was. */
  update(id: string, change: (record: BatchRecord) => BatchRecord | undefined): BatchRecord | undefined;
  /** Newest first. */
  list(account: string, afterId: string | undefined, limit: number): BatchRecord[];
  all(): BatchRecord[];
  /** Executed batches whose end is reached. */
  due(nowMs: number): string[];
  /** Prompt tokens of the account's unfinished batches of a model. */
  enqueuedTokens(account: string, model: string, nowMs: number): number;
  /** Takes the lease on a batch nobody executes, if there is one. */
  claim(owner: string, leaseMs: number): BatchRecord | undefined;
  /** False when the lease is lost. */
  renew(id: string, owner: string, leaseMs: number): boolean;
  holdsLease(id: string, owner: string): boolean;
  release(owner: string): void;
}

export function createBatchStore(database: DatabaseSync): BatchStore {
  const insert = database.prepare(
    'INSERT INTO batches (id, account, created_ms, phase, record) VALUES (?, ?, ?, ?, ?)',
  );
  const select = database.prepare('SELECT record FROM batches WHERE id = ?');
  const write = database.prepare(
    'UPDATE batches SET phase = ?, ends_ms = ?, model = ?, tokens = ?, record = ? WHERE id = ?',
  );
  const page = database.prepare(
    `SELECT record FROM batches WHERE account = ? AND seq < coalesce((SELECT seq FROM batches WHERE id = ?), 9e18)
     ORDER BY seq DESC LIMIT ?`,
  );
  const all = database.prepare('SELECT record FROM batches ORDER BY seq');
  const due = database.prepare("SELECT id FROM batches WHERE phase = 'executed' AND ends_ms <= ? ORDER BY seq");
  const queued = database.prepare(
    "SELECT coalesce(sum(tokens), 0) AS tokens FROM batches WHERE phase = 'executed' AND ends_ms > ? AND account = ? AND model = ?",
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
      insert.run(record.id, record.account, record.createdMs, record.phase, JSON.stringify(record));
    },
    update(id, change) {
      return inTransaction(database, () => {
        const before = find(id);
        const after = before === undefined ? undefined : change(before);
        if (after === undefined) return before;
        const { endMs } = timelineOf(after);
        write.run(after.phase, endMs, after.model, after.tokens, JSON.stringify(after), id);
        return after;
      });
    },
    list: (account, afterId, limit) => parseAll(page.all(account, afterId ?? null, limit)),
    all: () => parseAll(all.all()),
    due: (nowMs) => due.all(nowMs).map((row) => String(row.id)),
    enqueuedTokens: (account, model, nowMs) => Number(queued.get(nowMs, account, model)?.tokens ?? 0),
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
