import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { RouteFault } from '../../src/sandbox/fault-plan.ts';
import { checkInvariants } from '../support/check-invariants.ts';
import { runCommand, startCommand, wordsOf } from '../support/command.ts';
import { ledgerOfHome } from '../support/sandbox-process.ts';
import { temporaryFolder, type Undo, until, writeConfig, writeDocuments } from '../support/temporary.ts';
import { openStage, sound } from './setup.ts';

vi.setConfig({ testTimeout: 90_000 });

const ask = ['--prompt', 'Summarize this document'];

async function openTerminals(undo: Undo, options: Parameters<typeof openStage>[1] = {}) {
  const stage = await openStage(undo, options);
  writeConfig(stage.home, 'providers:\n  openai:\n    poll_interval: 0.02\n');
  const how = { home: stage.home, sandbox: stage.sandbox.url, cwd: stage.folder };
  return {
    ...stage,
    start: (args: readonly string[]) => startCommand(args, how, undo),
    offpeak: (args: readonly string[]) => runCommand(args, how),
    check: async (allSucceeded = true, killedBeside = 0) =>
      checkInvariants({
        home: stage.home,
        ledger: await stage.sandbox.ledger(),
        attempted: stage.keys,
        allSucceeded,
        killedBeside,
      }),
  };
}

describe.concurrent('several processes on one home', () => {
  it.for(['batch', 'realtime'])('the same command in two terminals at once, %s: one run', async (mode, context) => {
    const stage = await openTerminals(context.onTestFinished, { files: 40, flags: ['--realtime-delay-ms', '20'] });
    const args = ['run', stage.documents, ...ask, '--mode', mode];
    const ended = await Promise.all([stage.start(args).ended, stage.start(args).ended]);
    for (const result of ended) expect(result.exitCode, wordsOf(result)).toBe(0);
    const runs = JSON.parse((await stage.offpeak(['runs', '--json'])).stdout);
    const ledger = await stage.sandbox.ledger();
    // The slower one may find the run ended; then its own run reuses every answer.
    for (const run of runs.slice(0, -1)) expect(run.jobs.reused).toBe(40);
    expect(ledger).toMatchObject({ rowsExecuted: 40, rowsCharged: 40, bodiesChargedMoreThanOnce: 0 });
    expect(await stage.check()).toMatchObject(sound);
  });

  it('four terminals, one of them killed in the middle', async ({ onTestFinished }) => {
    const stage = await openTerminals(onTestFinished, { files: 40, flags: ['--in-progress-ms', '600'] });
    const args = ['run', stage.documents, ...ask];
    const commands = [1, 2, 3, 4].map(() => stage.start(args));
    await until('a batch', async () => (await stage.sandbox.ledger()).creates > 0);
    commands[0]?.kill('SIGKILL');
    const [, ...others] = await Promise.all(commands.map((command) => command.ended));
    for (const result of others) expect(result.exitCode, wordsOf(result)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ rowsCharged: 40, bodiesChargedMoreThanOnce: 0 });
    expect(await stage.check(true, 1)).toMatchObject(sound);
  });

  it('killed while another waits for its batch: taken over in seconds, not after its lease (I8)', async ({
    onTestFinished,
  }) => {
    const stage = await openTerminals(onTestFinished, {
      faults: { routes: [{ method: 'GET', path: '/v1/batches/*', fault: { type: 'stall', ms: 100_000 } }] },
    });
    const args = ['run', stage.documents, ...ask];
    const holder = stage.start(args);
    await until('a poll to hang', async () => (await stage.sandbox.faults()).routes[0]?.fired === 1);
    const waiting = stage.start(args);
    await waiting.output(/Going on with run/);
    holder.kill('SIGKILL');
    await holder.ended;
    const before = performance.now();
    const result = await waiting.ended;
    expect(result.exitCode, wordsOf(result)).toBe(0);
    // The sweep comes every 5 s, the lease lapses after 30.
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, rowsCharged: 12 });
    expect(await stage.check(true, 1)).toMatchObject(sound);
  });

  it('viewers see every job at every moment, and disturb nothing (I4)', async ({ onTestFinished }) => {
    const stage = await openTerminals(onTestFinished, { files: 40, flags: ['--per-row-ms', '30'] });
    const working = stage.start(['run', stage.documents, ...ask]);
    let isOver = false;
    void working.ended.then(() => {
      isOver = true;
    });
    await until('a batch', async () => (await stage.sandbox.ledger()).creates > 0);
    let views = 0;
    while (!isOver) {
      const shown = await stage.offpeak(['show', '--json']);
      expect(shown.exitCode, wordsOf(shown)).toBe(0);
      const { total, reused, ...states } = JSON.parse(shown.stdout).jobs;
      expect(Object.values<number>(states).reduce((sum, jobs) => sum + jobs, 0)).toBe(total);
      views += 1;
    }
    expect(views).toBeGreaterThan(0);
    expect((await working.ended).exitCode).toBe(0);
    expect(await stage.check()).toMatchObject(sound);
  });

  it('cancelled from a second terminal: both end, what was finished is kept', async ({ onTestFinished }) => {
    const stage = await openTerminals(onTestFinished, { flags: ['--per-row-ms', '100000'] });
    const working = stage.start(['run', stage.documents, ...ask]);
    await until('a batch', async () => (await stage.sandbox.ledger()).creates === 1);
    await stage.sandbox.advance(550_000);
    const cancelled = await stage.offpeak(['cancel']);
    expect(cancelled.exitCode, wordsOf(cancelled)).toBe(0);
    const worked = await working.ended;
    expect(worked.exitCode, wordsOf(worked)).toBe(1);
    const ledger = await stage.sandbox.ledger();
    expect(ledger.cancels).toBe(1);
    expect(ledger.rowsCharged).toBeGreaterThanOrEqual(5);
    const shown = JSON.parse((await stage.offpeak(['show', '--json'])).stdout);
    expect(shown).toMatchObject({ state: 'ended', jobs: { total: 12, succeeded: ledger.rowsCharged } });
    expect(await stage.check(false)).toMatchObject(sound);
  });
});

describe.concurrent('Ctrl-C', () => {
  it.for(['SIGINT', 'SIGTERM'] as const)(
    '%s while a batch runs: 130, no lease, and resume ends it',
    async (signal, context) => {
      const stage = await openTerminals(context.onTestFinished, { flags: ['--in-progress-ms', '60000'] });
      const working = stage.start(['run', stage.documents, ...ask]);
      await until('a batch', async () => (await stage.sandbox.ledger()).creates === 1);
      const before = performance.now();
      working.kill(signal);
      const stopped = await working.ended;
      expect(performance.now() - before).toBeLessThan(10_000);
      expect(stopped.exitCode, wordsOf(stopped)).toBe(130);
      expect(stopped.stderr).toMatch(/Nothing is lost/);
      const id = /offpeak resume (run-\S+)/.exec(stopped.stderr)?.[1] ?? 'no run named';
      const between = await checkInvariants({
        home: stage.home,
        attempted: [],
        allSucceeded: false,
        ended: false,
      });
      expect(between.violations.filter((words) => /lease|closed/.test(words))).toEqual([]);
      await stage.sandbox.advance(61_000);
      const resumed = await stage.offpeak(['resume', id]);
      expect(resumed.exitCode, wordsOf(resumed)).toBe(0);
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 12 });
      expect(await stage.check()).toMatchObject(sound);
    },
  );

  it('while a create gets no answer: out within the grace, and its fate is looked up later', async ({
    onTestFinished,
  }) => {
    const stage = await openTerminals(onTestFinished, {
      faults: { routes: [{ method: 'POST', path: '/v1/batches', fault: { type: 'stall', ms: 100_000 } }] },
    });
    const working = stage.start(['run', stage.documents, ...ask]);
    await until('the create', async () => (await stage.sandbox.ledger()).createCalls === 1);
    working.kill('SIGINT');
    const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), 30_000));
    const stopped = await Promise.race([working.ended, late]);
    expect(stopped).toMatchObject({ exitCode: 130 });
    const [batch] = JSON.parse((await stage.offpeak(['batches', '--json'])).stdout);
    expect(batch.state).toBe('unknown');
  });

  it('while realtime calls run: those under way end, no call is made twice', async ({ onTestFinished }) => {
    const stage = await openTerminals(onTestFinished, { files: 100, flags: ['--realtime-delay-ms', '200'] });
    const working = stage.start(['run', stage.documents, ...ask, '--mode', 'realtime']);
    await until('calls', async () => (await stage.sandbox.ledger()).realtimeCalls >= 5);
    working.kill('SIGINT');
    const stopped = await working.ended;
    expect(stopped.exitCode, wordsOf(stopped)).toBe(130);
    expect((await stage.sandbox.ledger()).realtimeCalls).toBeLessThan(100);
    const resumed = await stage.offpeak(['resume']);
    expect(resumed.exitCode, wordsOf(resumed)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ realtimeCalls: 100, rowsCharged: 100 });
    expect(await stage.check()).toMatchObject(sound);
  });

  it('twice: at once, and resume ends it all the same', async ({ onTestFinished }) => {
    const stall: RouteFault = {
      method: 'POST',
      path: '/v1/chat/completions',
      times: null,
      fault: { type: 'stall', ms: 600_000 },
    };
    const stage = await openTerminals(onTestFinished, { files: 8, faults: { routes: [stall] } });
    const working = stage.start(['run', stage.documents, ...ask, '--mode', 'realtime']);
    await working.output(/[1-9] running/);
    working.kill('SIGINT');
    await working.output(/Ctrl-C again/);
    working.kill('SIGINT');
    const stopped = await working.ended;
    // By our own exit, or by the signal itself when all was closed already: a shell sees 130 both times.
    expect(stopped.exitCode ?? stopped.signal, wordsOf(stopped)).toBeOneOf([130, 'SIGINT']);
    await stage.sandbox.setFaults({});
    const resumed = await stage.offpeak(['resume']);
    expect(resumed.exitCode, wordsOf(resumed)).toBe(0);
    const verdict = await stage.check();
    expect(verdict).toMatchObject(sound);
    // Calls that were broken off may have been charged: each is on record as lost.
    expect(verdict.paidAgain).toBeLessThanOrEqual(5);
  });

  it('while the source is being read: resume reads the rest', async ({ onTestFinished }) => {
    const folder = temporaryFolder(onTestFinished);
    const home = join(folder, 'home');
    const keys = writeDocuments(join(folder, 'documents'), 4000);
    const args = ['run', 'documents', ...ask, '--sandbox'];
    const working = startCommand(args, { home, cwd: folder, timeoutMs: 40_000 }, onTestFinished);
    await working.output(/scanning|\d done/);
    working.kill('SIGINT');
    const stopped = await working.ended;
    expect(stopped.exitCode, wordsOf(stopped)).toBe(130);
    const resumed = await runCommand(['resume'], { home, timeoutMs: 40_000 });
    expect(resumed.exitCode, wordsOf(resumed)).toBe(0);
    const ledger = await ledgerOfHome(home);
    expect(await checkInvariants({ home, ledger, attempted: keys })).toMatchObject(sound);
  });
});
