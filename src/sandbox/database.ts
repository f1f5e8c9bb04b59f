import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault_counts (
  version INTEGER NOT NULL, kind TEXT NOT NULL, position INTEGER NOT NULL,
  matched INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (version, kind, position));
CREATE TABLE IF NOT EXISTS files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, filename TEXT NOT NULL,
  bytes INTEGER NOT NULL, purpose TEXT NOT NULL, blob TEXT NOT NULL, created_ms REAL NOT NULL, expires_ms REAL);
CREATE TABLE IF NOT EXISTS batches (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, account TEXT NOT NULL,
  created_ms REAL NOT NULL, phase TEXT NOT NULL, ends_ms REAL, model TEXT, tokens INTEGER NOT NULL DEFAULT 0,
  row_count INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT, lease_until REAL NOT NULL DEFAULT 0, execution INTEGER NOT NULL DEFAULT 0, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS batches_by_phase ON batches (phase, ends_ms);
CREATE TABLE IF NOT EXISTS executions (
  execution INTEGER PRIMARY KEY, batch_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS executed_rows (
  hash BLOB NOT NULL, execution INTEGER NOT NULL, row INTEGER NOT NULL, charged INTEGER NOT NULL,
  PRIMARY KEY (hash, execution, row)) WITHOUT ROWID;
`;

/** Raised with every change of a table: a sandbox's state is play money, so an older one is emptied, not converted. */
const SCHEMA_VERSION = 2;
const BUSY_TIMEOUT_MS = 10_000;
const OPEN_ATTEMPTS = 50;

/**
 * Opens the state of a sandbox. Several processes may have it open at once.
 * `synchronous = OFF`: a killed process loses nothing, only a power cut could, and a sandbox may.
 */
export async function openDatabase(stateDir: string): Promise<DatabaseSync> {
  const path = join(stateDir, 'sandbox.sqlite');
  for (let attempt = 1; ; attempt++) {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      // Turning on WAL does not honour the busy timeout when two processes do it at once, hence the attempts.
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;');
      inTransaction(database, () => createTables(database));
      return database;
    } catch (error) {
      database.close();
      if (attempt >= OPEN_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function createTables(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version !== SCHEMA_VERSION) {
    for (const table of tablesOf(database)) database.exec(`DROP TABLE ${table}`);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }
  database.exec(SCHEMA);
}

/** The names of all tables, those a provider made for itself included. */
export function tablesOf(database: DatabaseSync): string[] {
  const rows = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    .all();
  return rows.map((row) => String(row.name));
}

/** Runs `work` in one write transaction. It must be synchronous: the connection is shared by all calls. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** One named value kept across restarts. */
export interface Settings {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

export function createSettings(database: DatabaseSync): Settings {
  const read = database.prepare('SELECT value FROM settings WHERE key = ?');
  const write = database.prepare(
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  return {
    get(key) {
      const value = read.get(key)?.value;
      return typeof value === 'string' ? value : undefined;
    },
    set(key, value) {
      write.run(key, value);
    },
  };
}
