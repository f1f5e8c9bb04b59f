import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { openStage, sound } from '../e2e/setup.ts';
import { checkInvariants } from '../support/check-invariants.ts';
import { runCommand, startCommand, wordsOf } from '../support/command.ts';
import { openEngine } from '../support/engine-under-test.ts';
import { startHoldingProxy } from '../support/holding-proxy.ts';
import { scaledClock } from '../support/scaled-clock.ts';
import { temporaryFolder, type Undo, until, writeConfig, writeDocuments } from '../support/temporary.ts';
import { deathAt } from './crash-run.ts';

vi.setConfig({ testTimeout: 120_000 });

const ask = ['--prompt', 'Summarize this document'];

/** The command against a provider in another process, which goes on when the command is killed. */
async function openKilled(undo: Undo, options: Parameters<typeof openStage>[1] = {}) {
  const stage = await openStage(undo, options);
  writeConfig(stage.home, 'providers:\n  openai:\n    poll_interval: 0.02\n');
  const how = { home: stage.home, sandbox: stage.sandbox.url };
  const args = ['run', stage.documents, ...ask];
  return {
    ...stage,
    args,
    start: () => startCommand(args, how, undo),
    offpeak: (words: readonly string[], crashAt?: string) =>
      runCommand(words, { ...how, env: crashAt ? { OFFPEAK_CRASH_AT: crashAt } : {} }),
    check: async (allSucceeded = true) =>
      checkInvariants({ home: stage.home, ledger: await stage.sandbox.ledger(), attempted: stage.keys, allSucceeded }),
  };
}

describe.concurrent('killed while the provider goes on', () => {
  it('the create was sent and its reply not read (C9): adopted, one batch', async ({ onTestFinished }) => {
    const stage = await openKilled(onTestFinished);
    const proxy = await startHoldingProxy(onTestFinished, stage.sandbox.url);
    const how = { home: stage.home, sandbox: proxy.url };
    const held = proxy.hold('POST', '/v1/batches');
    const killed = startCommand(stage.args, how, onTestFinished);
    await held;
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
    killed.kill('SIGKILL');
    expect((await killed.ended).signal).toBe('SIGKILL');
    const again = await runCommand(stage.args, how);
    expect(again.exitCode, wordsOf(again)).toBe(0);
    expect(again.stderr).toContain('Going on with run');
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, uploads: 1, rowsCharged: 12 });
    expect(await stage.check()).toMatchObject({ ...sound, recovered: 12 });
  });

  it.for([
    ['upload', 'POST', '/v1/files', { uploads: 2 }],
    ['listing', 'GET', '/v1/batches', { uploads: 1 }],
  ] as const)('the %s was answered and its reply not read', async ([, method, path, expected], { onTestFinished }) => {
    const stage = await openKilled(onTestFinished);
    const proxy = await startHoldingProxy(onTestFinished, stage.sandbox.url);
    const how = { home: stage.home, sandbox: proxy.url };
    if (path === '/v1/batches') {
      const first = await runCommand(stage.args, { ...how, env: { OFFPEAK_CRASH_AT: 'C10' } });
      expect(deathAt('C10', first)).toBeUndefined();
    }
    const held = proxy.hold(method, path);
    const killed = startCommand(stage.args, how, onTestFinished);
    await held;
    killed.kill('SIGKILL');
    await killed.ended;
    const again = await runCommand(stage.args, how);
    expect(again.exitCode, wordsOf(again)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, createCalls: 1, rowsCharged: 12, ...expected });
    expect(await stage.check()).toMatchObject(sound);
  });

  it('the reply was read and not saved (C10): adopted, one batch', async ({ onTestFinished }) => {
    const stage = await openKilled(onTestFinished);
    expect(deathAt('C10', await stage.offpeak(stage.args, 'C10'))).toBeUndefined();
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
    const again = await stage.offpeak(stage.args);
    expect(again.exitCode, wordsOf(again)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 12 });
    expect(await stage.check()).toMatchObject({ ...sound, recovered: 12 });
  });

  it('before the create was sent: sent after the whole grace of 120 s, three listings or more', async ({
    onTestFinished,
  }) => {
    const stage = await openKilled(onTestFinished);
    expect(deathAt('C9', await stage.offpeak(stage.args, 'C9'))).toBeUndefined();
    expect(await stage.sandbox.ledger()).toMatchObject({ uploads: 1, createCalls: 0 });
    const scale = 300;
    const engine = openEngine(onTestFinished, {
      home: stage.home,
      url: stage.sandbox.url,
      clock: scaledClock(scale),
      limits: { absentListings: 3, absentGraceMs: 120_000 },
    });
    const [run] = await engine.store.listRuns({ limit: 1 });
    if (!run) throw new Error('no run');
    const started = performance.now();
    expect((await engine.finish(run)).counts.succeeded).toBe(12);
    expect((performance.now() - started) * scale).toBeGreaterThan(120_000);
    const ledger = await stage.sandbox.ledger();
    expect(ledger).toMatchObject({ uploads: 1, createCalls: 1, creates: 1 });
    expect(ledger.lists).toBeGreaterThanOrEqual(3);
    await engine.close();
    expect(await stage.check()).toMatchObject(sound);
  });

  it('in the middle of an upload, of a download, of a poll', async ({ onTestFinished }) => {
    const stage = await openKilled(onTestFinished, {
      faults: {
        routes: [
          { method: 'POST', path: '/v1/files', fault: { type: 'stall', ms: 60_000 } },
          { method: 'GET', path: '/v1/batches/*', fault: { type: 'stall', ms: 60_000 } },
          { method: 'GET', path: '/v1/files/*/content', fault: { type: 'stall', ms: 60_000 } },
        ],
      },
    });
    for (const position of [0, 1, 2]) {
      const killed = stage.start();
      await until(`call ${position} to hang`, async () => (await stage.sandbox.faults()).routes[position]?.fired === 1);
      killed.kill('SIGKILL');
      await killed.ended;
    }
    const again = await stage.offpeak(stage.args);
    expect(again.exitCode, wordsOf(again)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 12 });
    expect(await stage.check()).toMatchObject(sound);
  });

  it('in the middle of a cancel (C20)', async ({ onTestFinished }) => {
    const stage = await openKilled(onTestFinished, { flags: ['--per-row-ms', '10000'] });
    const submitted = await stage.offpeak([...stage.args, '--no-wait']);
    expect(submitted.exitCode, wordsOf(submitted)).toBe(0);
    await stage.sandbox.advance(45_000);
    expect(deathAt('C20', await stage.offpeak(['cancel'], 'C20'))).toBeUndefined();
    const again = await stage.offpeak(['cancel']);
    expect(again.exitCode, wordsOf(again)).toBe(0);
    const { rowsCharged } = await stage.sandbox.ledger();
    expect(rowsCharged).toBeGreaterThanOrEqual(4);
    const shown = JSON.parse((await stage.offpeak(['show', '--json'])).stdout);
    expect(shown).toMatchObject({ state: 'ended', jobs: { succeeded: rowsCharged, cancelled: 12 - rowsCharged } });
    expect(await stage.check(false)).toMatchObject(sound);
  });

  it.for(['C3', 'C7', 'C10', 'C12', 'C15', 'C17'])(
    'in the middle of a retry of what failed (C21), at %s',
    async (point, { onTestFinished }) => {
      const stage = await openKilled(onTestFinished, {
        faults: { rows: [{ match: { everyNth: 2, attempt: 1 }, fault: { type: 'error', status: 400 } }] },
      });
      const first = await stage.offpeak(stage.args);
      expect(first.exitCode, wordsOf(first)).toBe(1);
      expect(deathAt(point, await stage.offpeak(['retry'], point))).toBeUndefined();
      const again = await stage.offpeak(['resume']);
      expect(again.exitCode, wordsOf(again)).toBe(0);
      expect(await stage.sandbox.ledger()).toMatchObject({ creates: 2, rowsExecuted: 18, rowsCharged: 12 });
      expect(await stage.check()).toMatchObject(sound);
    },
  );
});

it('killed while results are written (C18): the old file stays whole, and no half of a new one', async ({
  onTestFinished,
}) => {
  const folder = temporaryFolder(onTestFinished);
  const home = join(folder, 'home');
  writeDocuments(join(folder, 'documents'), 3);
  const faults = { rows: [{ match: {}, fault: { type: 'huge', bytes: 30_000_000 } as const }] };
  await (await startSandbox({ stateDir: join(home, 'sandbox'), faults })).close();
  const run = await runCommand(['run', 'documents', ...ask, '--sandbox', '--json'], { home, cwd: folder });
  expect(run.exitCode, `${run.exitCode} ${run.stderr}`).toBe(0);
  const results = join(folder, 'results');
  writeDocuments(results, 0);
  const output = join(results, 'out.json');
  writeFileSync(output, 'the results of yesterday');
  const killed = startCommand(['export', '-o', output], { home }, onTestFinished);
  await until('a file that is being written', () => readdirSync(results).length > 1);
  killed.kill('SIGKILL');
  expect((await killed.ended).signal).toBe('SIGKILL');
  expect(readFileSync(output, 'utf8')).toBe('the results of yesterday');
  const again = await runCommand(['export', '-o', output], { home });
  expect(again.exitCode, again.stderr).toBe(0);
  expect(JSON.parse(readFileSync(output, 'utf8')).summary).toMatchObject({ total: 3, successful: 3 });
  expect(existsSync(output)).toBe(true);
});
