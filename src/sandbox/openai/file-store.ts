import type { DatabaseSync } from 'node:sqlite';

/** A stored file. Its bytes are the first `bytes` of the blob, which may be longer. */
export interface FileRecord {
  id: string;
  account: string;
  filename: string;
  bytes: number;
  purpose: string;
  blob: string;
  createdMs: number;
  expiresMs: number | null;
}

export interface FileQuery {
  account: string;
  nowMs: number;
  order: 'asc' | 'desc';
  limit: number;
  after: string | undefined;
  purpose: string | undefined;
}

/** Expired files are treated as gone everywhere. */
export interface FileStore {
  insert(file: FileRecord): void;
  find(id: string, account: string, nowMs: number): FileRecord | undefined;
  list(query: FileQuery): FileRecord[];
  remove(id: string): void;
}

export function createFileStore(database: DatabaseSync): FileStore {
  const insert = database.prepare(
    `INSERT INTO files (id, account, filename, bytes, purpose, blob, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const select = database.prepare(
    'SELECT * FROM files WHERE id = ? AND account = ? AND (expires_ms IS NULL OR expires_ms > ?)',
  );
  const remove = database.prepare('DELETE FROM files WHERE id = ?');
  const condition = 'account = ? AND (expires_ms IS NULL OR expires_ms > ?) AND (? IS NULL OR purpose = ?)';
  const descending = database.prepare(
    `SELECT * FROM files WHERE ${condition} AND seq < coalesce((SELECT seq FROM files WHERE id = ?), 9e18) ORDER BY seq DESC LIMIT ?`,
  );
  const ascending = database.prepare(
    `SELECT * FROM files WHERE ${condition} AND seq > coalesce((SELECT seq FROM files WHERE id = ?), 0) ORDER BY seq LIMIT ?`,
  );
  return {
    insert(file) {
      const { id, account, filename, bytes, purpose, blob, createdMs, expiresMs } = file;
      insert.run(id, account, filename, bytes, purpose, blob, createdMs, expiresMs);
    },
    find(id, account, nowMs) {
      const row = select.get(id, account, nowMs);
      return row === undefined ? undefined : parse(row);
    },
    list({ account, nowMs, order, limit, after, purpose }) {
      const statement = order === 'asc' ? ascending : descending;
      return statement.all(account, nowMs, purpose ?? null, purpose ?? null, after ?? null, limit).map(parse);
    },
    remove(id) {
      remove.run(id);
    },
  };
}

function parse(row: Record<string, unknown>): FileRecord {
  return {
    id: String(row.id),
    account: String(row.account),
    filename: String(row.filename),
    bytes: Number(row.bytes),
    purpose: String(row.purpose),
    blob: String(row.blob),
    createdMs: Number(row.created_ms),
    expiresMs: row.expires_ms === null ? null : Number(row.expires_ms),
  };
}
