import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import { fill, newJobs, newRun, start } from '../../testing/store/context.ts';
import { createSqliteStore } from './sqlite-store.ts';

let folder = '';
let path = '';
const stores: Store[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offpeak-check-'));
  path = join(folder, 'offpeak.db');
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<Parameters<typeof createSqliteStore>[0]> = {}): Store {
  const store = createSqliteStore({ path, owner: 'owner', now: () => start, ...options });
  stores.push(store);
  return store;
}

/** Waits until the check of the whole file has come to its end. */
async function checked(store: Store): Promise<unknown> {
  const hand = new DatabaseSync(`${path}.copy`, { readOnly: true });
  try {
    for (let turn = 0; turn < 2_000; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const error = await store.listRuns().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error) return error;
      if (hand.prepare('SELECT 1 FROM unclean').get() === undefined) return undefined;
    }
    throw new Error('the check has not come to its end');
  } finally {
    hand.close();
  }
}

/** A copy as a killed process leaves it. */
async function leftBehind(): Promise<void> {
  const store = open({ owner: 'dead' });
  await fill(store, newJobs(1000));
  const hand = new DatabaseSync(path);
  hand.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  hand.close();
  copyFileSync(path, `${path}.copy`);
}

/** Writes over the root page of a table. */
function breakTable(name: string): void {
  const hand = new DatabaseSync(`${path}.copy`);
  const root = Number(hand.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name)?.rootpage);
  const pageSize = Number(hand.prepare('PRAGMA page_size').get()?.page_size);
  hand.close();
  const file = openSync(`${path}.copy`, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, (root - 1) * pageSize);
  closeSync(file);
}

const large = { owner: 'next', isAlive: () => false, wholeCheck: { smallBytes: 0 } };

describe('after an unclean end', () => {
  test('a large file is used at once and checked meanwhile; what that finds stops the store', async () => {
    await leftBehind();
    breakTable('payloads');
    const store = open({ ...large, path: `${path}.copy` });
    expect(await store.listRuns()).toHaveLength(1);
    expect(await checked(store)).toMatchObject({ code: 'store_corrupt', message: expect.stringContaining('.copy') });
    await expect(store.createRun(newRun(), start)).rejects.toMatchObject({ code: 'store_corrupt' });
    await store.close();
    // The next one looks again.
    expect(await checked(open({ ...large, path: `${path}.copy`, owner: 'third' }))).toMatchObject({
      code: 'store_corrupt',
    });
  });

  test('a large file whose small tables are damaged is refused at once', async () => {
    await leftBehind();
    breakTable('batches');
    expect(() => open({ ...large, path: `${path}.copy` })).toThrow(expect.objectContaining({ code: 'store_corrupt' }));
  });

  test('a large file that is well is checked once; one that was closed before is checked by the next', async () => {
    await leftBehind();
    const hasty = open({ ...large, path: `${path}.copy` });
    await hasty.close();
    const store = open({ ...large, path: `${path}.copy`, owner: 'patient', isAlive: () => true });
    expect(await checked(store)).toBeUndefined();
    expect(await store.check()).toEqual([]);
  });
});
