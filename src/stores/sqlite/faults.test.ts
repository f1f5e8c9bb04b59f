import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import { adding, fill, newJobs, newRun, runOf, start } from '../../testing/store/context.ts';
import { createSqliteStore } from './sqlite-store.ts';

let folder = '';
let path = '';
const stores: Store[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offpeak-faults-'));
  path = join(folder, 'offpeak.db');
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<Parameters<typeof createSqliteStore>[0]> = {}): Store {
  const store = createSqliteStore({ path, owner: 'owner', now: () => start, ...options });
  stores.push(store);
  return store;
}

describe('a file that another process holds', () => {
  test('a write says `store_locked`, with the path and the remedy, and may be tried again', async () => {
    const store = open({ busyTimeoutMs: 50 });
    const { run } = await fill(store, newJobs(1));
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    const locked = { code: 'store_locked', retryable: true, message: expect.stringContaining(path) };
    await expect(store.addJobs(run.id, newJobs(3), adding)).rejects.toMatchObject(locked);
    await expect(store.updateRun(run.id, { note: 'x' }, start)).rejects.toMatchObject(locked);
    // Reading goes on.
    expect(await store.getRun(run.id)).toMatchObject({ counts: { queued: 1 } });
    other.exec('ROLLBACK');
    other.close();
    expect(await store.addJobs(run.id, newJobs(3), adding)).toMatchObject({ added: 2 });
    expect(await store.check()).toEqual([]);
  });

  test('opening says so as well', async () => {
    await open().close();
    const other = new DatabaseSync(path);
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    expect(() => open({ busyTimeoutMs: 50 })).toThrow(expect.objectContaining({ code: 'store_locked' }));
    other.exec('ROLLBACK');
    other.close();
    await open().listRuns();
  });
});

describe('a file that is no store', () => {
  test.each([
    ['text', 'this is not a database, it is a shopping list\n'.repeat(100)],
    ['a short text', 'hello'],
    ['a picture', `\x89PNG\r\n\x1a\n${'\0'.repeat(2000)}`],
  ])('%s is refused as `store_corrupt` and left as it is', (_, content) => {
    writeFileSync(path, content, 'latin1');
    const before = readFileSync(path);
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'store_corrupt', message: expect.stringContaining(path) }),
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  // Fails now: our tables are made in it. `PRAGMA application_id` would tell.
  test('another program’s SQLite database is refused and left as it is', () => {
    const foreign = new DatabaseSync(path);
    foreign.exec("CREATE TABLE shopping (item TEXT); INSERT INTO shopping VALUES ('milk')");
    foreign.close();
    expect(() => open()).toThrow();
    const again = new DatabaseSync(path);
    const tables = again.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    again.close();
    expect(tables.map((row) => row.name)).toEqual(['shopping']);
  });

  test('a store of a newer Offpeak is refused with a clear sentence, and not written to', async () => {
    await open().close();
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 999');
    newer.close();
    expect(() => open()).toThrow(/newer Offpeak.*update/i);
    const again = new DatabaseSync(path);
    expect(again.prepare('PRAGMA user_version').get()?.user_version).toBe(999);
    again.close();
  });

  test('a folder where the file should be', () => {
    mkdirSync(path);
    expect(() => open()).toThrow(expect.objectContaining({ message: expect.stringContaining(path) }));
  });

  test('a file where the folder should be', () => {
    writeFileSync(join(folder, 'home'), '');
    const wrong = join(folder, 'home', 'offpeak.db');
    expect(() => open({ path: wrong })).toThrow(
      expect.objectContaining({ code: 'store_failed', message: expect.stringContaining(wrong) }),
    );
  });
});

describe('damage', () => {
  /** A store with data whose process did not end properly, then damaged in so many places. */
  async function damaged(): Promise<Buffer> {
    const store = open({ owner: 'dead' });
    const { run } = await fill(store, newJobs(1000));
    expect((await runOf(store, run.id)).counts.queued).toBe(1000);
    // As a killed process leaves it: everything in the main file, the session still noted.
    const checkpoint = new DatabaseSync(path);
    checkpoint.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    checkpoint.close();
    copyFileSync(path, `${path}.copy`);
    const file = openSync(`${path}.copy`, 'r+');
    const pages = Math.floor(statSync(path).size / 4096);
    for (let page = 3; page < pages; page += 2) writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, page * 4096);
    closeSync(file);
    return readFileSync(`${path}.copy`);
  }

  test('flipped bytes after an unclean end are found on opening, and nothing is written', async () => {
    const before = await damaged();
    const opening = () => open({ path: `${path}.copy`, owner: 'next', isAlive: () => false });
    expect(opening).toThrow(
      expect.objectContaining({ code: 'store_corrupt', message: expect.stringContaining('.copy') }),
    );
    expect(opening).toThrow(expect.objectContaining({ retryable: false }));
    expect(readFileSync(`${path}.copy`).equals(before)).toBe(true);
  });

  test('a truncated file is found', async () => {
    await damaged();
    const whole = readFileSync(path);
    writeFileSync(`${path}.copy`, whole.subarray(0, Math.floor(whole.length / 2)));
    expect(() => open({ path: `${path}.copy`, owner: 'next', isAlive: () => false })).toThrow(
      expect.objectContaining({ code: 'store_corrupt' }),
    );
  });

  test('`check` names what does not add up', async () => {
    const store = open();
    const { run } = await fill(store, newJobs(3));
    const hand = new DatabaseSync(path);
    hand.exec('UPDATE runs SET queued = queued + 1');
    hand.close();
    const violations = await store.check();
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(run.id);
  });
});

describe('a full disk', () => {
  const isLinuxRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const mount = (at: string): boolean => {
    if (!isLinuxRoot) return false;
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', at], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  test('says `store_full`; what was acknowledged is there; it goes on once there is room', async ({ skip }) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    if (!mount(disk)) skip('a tmpfs cannot be mounted here (needs root on Linux)');
    try {
      const full = join(disk, 'offpeak.db');
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(2_200_000));
      const store = open({ path: full });
      const { run } = await store.createRun(newRun(), start);
      let acknowledged = 0;
      const body = JSON.stringify({ input: 'x'.repeat(2_000) });
      const add = async () => {
        const jobs = newJobs(20, undefined, `chunk-${acknowledged}`).map((job) => ({
          ...job,
          ...(job.request ? { request: { ...job.request, body } } : {}),
        }));
        acknowledged += (await store.addJobs(run.id, jobs, adding)).added;
      };
      let error: unknown;
      for (let i = 0; i < 400 && !error; i++) await add().catch((thrown) => (error = thrown));
      expect(error).toMatchObject({ code: 'store_full', retryable: true, message: expect.stringContaining(full) });
      expect(acknowledged).toBeGreaterThan(20);
      expect((await runOf(store, run.id)).counts.queued).toBe(acknowledged);
      expect(await store.check()).toEqual([]);
      rmSync(ballast);
      await add();
      expect((await runOf(store, run.id)).counts.queued).toBe(acknowledged);
      await store.close();
      const again = open({ path: full, owner: 'again' });
      expect((await runOf(again, run.id)).counts.queued).toBe(acknowledged);
      expect(await again.check()).toEqual([]);
      await again.close();
    } finally {
      for (const store of stores.splice(0)) await store.close().catch(() => {});
      execFileSync('umount', ['-l', disk]);
    }
  });
});

describe('places', () => {
  test('a missing folder is made, for its owner alone', () => {
    const deep = join(folder, 'a', 'b', 'offpeak.db');
    open({ path: deep });
    expect(existsSync(deep)).toBe(true);
    expect(statSync(join(folder, 'a', 'b')).mode & 0o077).toBe(0);
  });

  test('a folder that cannot be written is said, with the path', ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may write everywhere');
    chmodSync(folder, 0o500);
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'store_failed', message: expect.stringContaining(path) }),
    );
    chmodSync(folder, 0o700);
  });

  test('a read-only file system is said, with the path', ({ skip }) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,ro', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      skip('a tmpfs cannot be mounted here (needs root on Linux)');
    }
    try {
      const wrong = join(disk, 'offpeak.db');
      expect(() => open({ path: wrong })).toThrow(
        expect.objectContaining({ code: 'store_failed', message: expect.stringContaining(wrong) }),
      );
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  test('after a failed opening nothing holds the file', async () => {
    await open().close();
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 999');
    newer.close();
    expect(() => open()).toThrow();
    const held = execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' });
    expect(held).not.toContain(path);
  });
});
