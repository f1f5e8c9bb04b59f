import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { OffpeakError } from '../../errors.ts';
import { integrity } from './check.ts';
import type { Database } from './database.ts';

/**
 * After an unclean end the whole file is checked, because disks and copies go wrong in just such moments. That takes
 * about 2 s a gigabyte: a large file is opened on the strength of its small tables, worked on at once, and read through
 * by another process meanwhile. What that finds stops the store for good. Until a check has come to its end, each
 * opening begins it again.
 */

/** A file of this size is checked on opening: 32 ms. */
const smallBytes = 16 * 1024 * 1024;
/** Every worker reads these, whatever it does: a damage here is seen before anything is done. */
const smallTables = ['runs', 'lanes', 'batches', 'account_limits', 'sessions', 'landed', 'unclean'];

/** Another process: a statement under way in this one, or in a thread of it, cannot be broken off when the store closes. */
const script = `
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(process.argv[1], { readOnly: true, timeout: 60000 });
  const rows = db.prepare('PRAGMA quick_check(1)').all();
  process.stdout.write(String(Object.values(rows[0])[0]));
`;

export interface WholeCheck {
  stop(): void;
}

export interface WholeCheckOptions {
  /** For tests: what is small. */
  smallBytes?: number;
}

/** @throws OffpeakError `store_corrupt` when a damage is seen at once */
export function checkWhole(db: Database, at: number, options: WholeCheckOptions = {}): WholeCheck {
  const isSmall = statSync(db.path).size <= (options.smallBytes ?? smallBytes);
  const seen = isSmall ? integrity(db) : smallTables.flatMap((table) => integrity(db, table));
  if (seen[0] !== undefined) throw damaged(db, seen[0]);
  if (isSmall) {
    noteClean(db);
    return { stop: () => {} };
  }
  // Before whoever ended is forgotten: the next opening must know of it too.
  db.write(() => db.sql('INSERT OR IGNORE INTO unclean (at) VALUES (?)').run(at));
  return checkInBackground(db);
}

function checkInBackground(db: Database): WholeCheck {
  const child = spawn(process.execPath, ['--no-warnings', '-e', script, db.path], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // A command that has done its work does not wait for it.
  child.unref();
  const { stdout } = child;
  if ('unref' in stdout && typeof stdout.unref === 'function') stdout.unref();
  let isStopped = false;
  let words = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  child.on('error', () => {});
  child.on('close', () => {
    // Without a word it came to no end; the next opening begins it again.
    if (isStopped || words === '') return;
    if (words === 'ok') noteClean(db);
    else db.condemn(damaged(db, words));
  });
  return {
    stop: () => {
      isStopped = true;
      child.kill('SIGKILL');
    },
  };
}

function noteClean(db: Database): void {
  try {
    if (db.read(() => db.sql('SELECT 1 FROM unclean').get())) db.write(() => db.sql('DELETE FROM unclean').run());
  } catch {
    // Locked, or the disk is full: it is checked once more.
  }
}

function damaged(db: Database, words: string): OffpeakError {
  return new OffpeakError(
    `The store ${db.path} is damaged: ${words}. Nothing more is written; keep the file and restore a copy.`,
    { code: 'store_corrupt' },
  );
}
