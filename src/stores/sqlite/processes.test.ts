import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import { adding, batchLane, fill, leaseFor, leaseOf, newJobs, nonce, start } from '../../testing/store/context.ts';
import { createSqliteStore } from './sqlite-store.ts';

const run = promisify(execFile);
const claimer = fileURLToPath(new URL('../../../test/fixtures/claim-jobs.ts', import.meta.url));

/** Real processes on one file: what one thread's connections cannot show. */
describe('several processes', () => {
  let folder = '';
  let path = '';
  let store: Store;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'offpeak-processes-'));
    path = join(folder, 'offpeak.db');
    store = createSqliteStore({ path, owner: 'parent', now: () => start });
  });
  afterEach(async () => {
    expect(await store.check()).toEqual([]);
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const claim = async (what: string, scope: string, processes: number): Promise<unknown[]> => {
    const claims = Array.from({ length: processes }, async (_, i) => {
      const { stdout } = await run(process.execPath, ['--no-warnings', claimer, path, `child-${i}`, what, scope]);
      const got: unknown = JSON.parse(stdout);
      return Array.isArray(got) ? got : [];
    });
    return (await Promise.all(claims)).flat();
  };

  test('8 processes and 1000 jobs: each exactly once', async () => {
    const { lane } = await fill(store, newJobs(1000));
    const got = await claim('jobs', String(lane), 8);
    expect(got).toHaveLength(1000);
    expect(new Set(got).size).toBe(1000);
  });

  test('4 processes and 200 batches: each exactly once', async () => {
    const { run: made, lane } = await fill(store, newJobs(1));
    await store.addJobs(made.id, newJobs(1), adding);
    for (let i = 0; i < 200; i++) {
      const lease = leaseOf(await store.openBatch(lane, nonce(), leaseFor('parent')));
      await store.updateBatch(lease, {}, start, 'release');
    }
    const got = await claim('batches', batchLane.account, 4);
    expect(got).toHaveLength(200);
    expect(new Set(got).size).toBe(200);
  });

  test('8 processes that open a new store at the same moment all get it', async () => {
    const other = join(folder, 'new', 'fresh.db');
    const opened = Array.from({ length: 8 }, (_, i) =>
      run(process.execPath, ['--no-warnings', claimer, other, `child-${i}`, 'nothing']),
    );
    await Promise.all(opened);
    const fresh = createSqliteStore({ path: other, owner: 'parent' });
    expect(await fresh.check()).toEqual([]);
    await fresh.close();
  });
});
