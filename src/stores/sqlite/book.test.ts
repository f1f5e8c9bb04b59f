import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { fill, newJobs, runOf, sendBatch, start, statesOf, succeeded } from '../../testing/store/context.ts';
import { createSqliteStore } from './sqlite-store.ts';

/** Fails at the last of the rows, when everything before it has been written. */
const failures: [string, string][] = [
  ['the attempt', 'BEFORE UPDATE ON attempts WHEN NEW.job = (SELECT max(job) FROM attempts)'],
  ['the job', 'BEFORE UPDATE ON jobs WHEN NEW.id = (SELECT max(id) FROM jobs)'],
  ['the result', 'BEFORE INSERT ON results WHEN NEW.job = (SELECT max(id) FROM jobs)'],
  ['the sums of the run', 'BEFORE UPDATE ON runs'],
];

test.each(failures)(
  'a write of %s that fails takes back all of the call, and booking again books all',
  async (_, when) => {
    const folder = mkdtempSync(join(tmpdir(), 'offpeak-book-'));
    const path = join(folder, 'offpeak.db');
    const store = createSqliteStore({ path, owner: 'owner', now: () => start });
    const other = new DatabaseSync(path);
    onTestFinished(async () => {
      other.close();
      await store.close();
      rmSync(folder, { recursive: true });
    });
    const { run, lane } = await fill(store, newJobs(5));
    const { batch, lease, attempts } = await sendBatch(store, lane);
    const usage = { inputTokens: 10, outputTokens: 1 };
    const rows = attempts.map((ref) => succeeded(ref, { usage, costNanoUsd: 5, realtimeNanoUsd: 10 }));
    const states = async () => [...new Set((await statesOf(store, run.id)).values())];
    const open = () => store.readAttempts(batch.id, { afterJob: 0, limit: 10, openOnly: true });

    other.exec(`CREATE TRIGGER broken ${when} BEGIN SELECT RAISE(ABORT, 'the disk says no'); END`);
    await expect(store.book(rows, lease)).rejects.toMatchObject({
      message: expect.stringContaining('the disk says no'),
    });
    expect(await states()).toEqual(['running']);
    expect(await open()).toEqual(attempts);
    expect(await runOf(store, run.id)).toMatchObject({ counts: { running: 5 }, costNanoUsd: 0 });

    other.exec('DROP TRIGGER broken');
    expect(await store.book(rows, lease)).toMatchObject({ succeeded: 5, duplicates: [], repeated: 0 });
    expect(await states()).toEqual(['succeeded']);
    expect(await open()).toEqual([]);
    expect(await runOf(store, run.id)).toMatchObject({ counts: { succeeded: 5 }, costNanoUsd: 25 });
    expect(await store.check()).toEqual([]);
  },
);
