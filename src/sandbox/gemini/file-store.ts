import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../database.ts';

/** A stored file. Its bytes are the first `bytes` of the blob, which may be longer. */
export interface GeminiFile {
  /** What follows `files/`. */
  id: string;
  account: string;
  displayName: string | null;
  mimeType: string;
  bytes: number;
  /** Base64; empty for results, whose bytes nobody hashed. */
  sha256: string;
  blob: string;
  createdMs: number;
  expiresMs: number;
  source: 'UPLOADED' | 'GENERATED';
}

/** A resumable upload on its way. Its bytes lie in the blob already, so that another process can go on with it. */
export interface UploadSession {
  id: string;
  account: string;
  fileId: string;
  displayName: string | null;
  mimeType: string;
  declaredBytes: number | null;
  blob: string;
  status: 'active' | 'final' | 'cancelled';
}

/** Expired files are treated as gone everywhere. */
export interface GeminiFileStore {
  /** False when the account has a file of this name. */
  insert(file: GeminiFile): boolean;
  find(id: string, account: string, nowMs: number): GeminiFile | undefined;
  /** Newest first. */
  list(account: string, nowMs: number, afterId: string | undefined, limit: number): GeminiFile[];
  remove(id: string, account: string): void;
  saveSession(session: UploadSession): void;
  findSession(id: string): UploadSession | undefined;
}

const TABLES = `
CREATE TABLE IF NOT EXISTS gemini_files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, account TEXT NOT NULL, expires_ms REAL NOT NULL,
  record TEXT NOT NULL, UNIQUE (account, id));
CREATE TABLE IF NOT EXISTS gemini_uploads (id TEXT PRIMARY KEY, record TEXT NOT NULL);
`;

export function createGeminiFileStore(database: DatabaseSync): GeminiFileStore {
  inTransaction(database, () => database.exec(TABLES));
  const insert = database.prepare(
    `INSERT INTO gemini_files (id, account, expires_ms, record) VALUES (?, ?, ?, ?) ON CONFLICT (account, id) DO NOTHING`,
  );
  const forget = database.prepare('DELETE FROM gemini_files WHERE account = ? AND expires_ms <= ?');
  const select = database.prepare('SELECT record FROM gemini_files WHERE id = ? AND account = ? AND expires_ms > ?');
  const page = database.prepare(
    `SELECT record FROM gemini_files WHERE account = ?1 AND expires_ms > ?2
     AND seq < coalesce((SELECT seq FROM gemini_files WHERE id = ?3 AND account = ?1), 9e18) ORDER BY seq DESC LIMIT ?4`,
  );
  const remove = database.prepare('DELETE FROM gemini_files WHERE id = ? AND account = ?');
  const saveSession = database.prepare(
    'INSERT INTO gemini_uploads (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record',
  );
  const findSession = database.prepare('SELECT record FROM gemini_uploads WHERE id = ?');
  return {
    insert(file) {
      // The name of an expired file is free again.
      forget.run(file.account, file.createdMs);
      return Number(insert.run(file.id, file.account, file.expiresMs, JSON.stringify(file)).changes) === 1;
    },
    find: (id, account, nowMs) => parse<GeminiFile>(select.get(id, account, nowMs)),
    list: (account, nowMs, afterId, limit) =>
      page
        .all(account, nowMs, afterId ?? null, limit)
        .map((row) => parse<GeminiFile>(row))
        .filter((file) => file !== undefined),
    remove(id, account) {
      remove.run(id, account);
    },
    saveSession(session) {
      saveSession.run(session.id, JSON.stringify(session));
    },
    findSession: (id) => parse<UploadSession>(findSession.get(id)),
  };
}

function parse<T>(row: Record<string, unknown> | undefined): T | undefined {
  const text = row?.record;
  return typeof text === 'string' ? (JSON.parse(text) as T) : undefined;
}
