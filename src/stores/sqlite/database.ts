import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import { isOffpeakError } from '../../errors.ts';
import { migrations } from '../sql/migrations.ts';
import { createCheckpointer } from './checkpointer.ts';
import { storeError } from './store-error.ts';

/**
 * One connection: prepared statements kept, writes in BEGIN IMMEDIATE (a deferred one that upgrades fails with
 * SQLITE_BUSY at once, whatever the time-out), every fault turned into our own error.
 */
export interface Database {
  readonly path: string;
  /** Prepared once, by its text. */
  sql(text: string): StatementSync;
  /** Every row as its values, in the order of the columns: half the cost of objects, for many rows at once. */
  values(text: string, ...parameters: SQLInputValue[]): SQLOutputValue[][];
  /** All of it, durably, or nothing. */
  write<T>(work: () => T): T;
  read<T>(work: () => T): T;
  /** From now on every call throws this. */
  condemn(error: Error): void;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  path: string;
  /** How long a write waits for another process. */
  busyTimeoutMs?: number;
}

export function openDatabase(options: DatabaseOptions): Database {
  const { path } = options;
  const fault = (error: unknown) => storeError(error, path);
  const connection = connect(options);
  const statements = new Map<string, StatementSync>();
  const checkpointer = createCheckpointer(path);

  const sql = (text: string): StatementSync => {
    let statement = statements.get(text);
    if (!statement) {
      statement = connection.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };
  const valuesOf = new Map<string, StatementSync>();
  const values = (text: string, ...parameters: SQLInputValue[]): SQLOutputValue[][] => {
    let statement = valuesOf.get(text);
    if (!statement) {
      statement = connection.prepare(text);
      statement.setReturnArrays(true);
      valuesOf.set(text, statement);
    }
    // The types know rows as objects only.
    return statement.all(...parameters) as unknown as SQLOutputValue[][];
  };
  let condemned: Error | undefined;
  const read = <T>(work: () => T): T => {
    if (condemned) throw condemned;
    try {
      return work();
    } catch (error) {
      throw fault(error);
    }
  };
  const write = <T>(work: () => T): T => {
    const result = read(() => {
      connection.exec('BEGIN IMMEDIATE');
      try {
        const written = work();
        connection.exec('COMMIT');
        return written;
      } catch (error) {
        rollBack(connection);
        throw error;
      }
    });
    checkpointer.wrote();
    return result;
  };
  return {
    path,
    sql,
    values,
    read,
    write,
    condemn: (error) => {
      condemned = error;
    },
    close: async () => {
      condemned = undefined;
      await checkpointer.close();
      read(() => connection.close());
    },
  };
}

/**
 * Of several processes that make a store at the same moment, SQLite tells some at once that it is locked, whatever the
 * time-out (the change to WAL; seen in 1 of 150 openings).
 */
function connect(options: DatabaseOptions): DatabaseSync {
  const { busyTimeoutMs = 10_000 } = options;
  const until = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      return connectOnce(options.path, busyTimeoutMs);
    } catch (error) {
      if (!isOffpeakError(error, 'store_locked') || performance.now() >= until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function connectOnce(path: string, busyTimeoutMs: number): DatabaseSync {
  let connection: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    connection = new DatabaseSync(path, { timeout: busyTimeoutMs });
    refuseForeign(connection);
    // FULL: an acknowledged commit has been synced; NORMAL in WAL mode syncs only at checkpoints (measured: 8 fsyncs
    // for 200 commits, against 209). Grouped by chunks it costs nothing.
    // Pages of 16 KB: adding a job takes 6.6 us of CPU instead of 8.4, booking a row 9.4 instead of 12.3; a commit of
    // one row costs a fifth more. The checkpointer keeps the log short; where it cannot keep up, a commit does the rest.
    connection.exec(`
      PRAGMA page_size = 16384;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -4000;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA temp_store = MEMORY;
      PRAGMA journal_size_limit = 67108864;
    `);
    migrate(connection, path);
    return connection;
  } catch (error) {
    connection?.close();
    throw storeError(error, path);
  }
}

/** SQLite may have rolled back by itself, after a full disk or an I/O error; the fault that is told is the first one. */
function rollBack(connection: DatabaseSync): void {
  try {
    if (connection.isTransaction) connection.exec('ROLLBACK');
  } catch {
    // There was nothing to roll back.
  }
}

/** In the file's header (sqlite.org/fileformat2.html, offset 68): "OFPK". */
const applicationId = 0x4f46504b;

/** Another program's database is left as it is. */
function refuseForeign(connection: DatabaseSync): void {
  // In this order: another process may be making the store, and its tables and its mark appear together.
  const { tables } = connection.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {};
  if (tables === 0) return;
  const mark = connection.prepare('PRAGMA application_id').get();
  if (mark && Object.values(mark)[0] === applicationId) return;
  throw new Error('it belongs to another program; name another place with --home');
}

function migrate(connection: DatabaseSync, path: string): void {
  const versionOf = () => Number(connection.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (versionOf() === migrations.length) return;
  connection.exec('BEGIN EXCLUSIVE');
  try {
    // Read again under the lock: another process may have migrated while we waited.
    const version = versionOf();
    if (version > migrations.length) {
      throw new Error(`it was made by a newer Offpeak (schema ${version}); update Offpeak to open it`);
    }
    for (const migration of migrations.slice(version)) connection.exec(migration);
    connection.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`);
    connection.exec('COMMIT');
  } catch (error) {
    rollBack(connection);
    throw storeError(error, path);
  }
}
