import { describe, expect, it, vi } from 'vitest';
import type { RouteAction } from '../../src/sandbox/fault-plan.ts';
import { resultsOf } from '../support/engine-under-test.ts';
import { openStage, sound } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

const call = { method: 'POST', path: '/v1/chat/completions' };

describe.concurrent('realtime calls that go wrong', () => {
  /** `attempts`: of all jobs together; what is the provider's own limit costs none. */
  const faults: readonly [name: string, fault: RouteAction, attempts: number, paidAgain: number][] = [
    ['a page of a proxy', { type: 'status', status: 502, html: true }, 14, 0],
    ['status 429', { type: 'status', status: 429 }, 12, 0],
    ['status 429 with a pause', { type: 'status', status: 429, headers: { 'retry-after-ms': '50' } }, 12, 0],
    ['silence', { type: 'stall', ms: 2500 }, 14, 0],
  ];
  it.for(faults)('%s, twice: answered in the end', async ([, fault, attempts, paidAgain], { onTestFinished }) => {
    const stage = await openStage(onTestFinished, { faults: { routes: [{ ...call, times: 2, fault }] } });
    const engine = stage.engine();
    const run = await engine.finish(await engine.begin(stage.documents, { mode: 'realtime', timeoutMs: 1500 }));
    expect(run.counts.succeeded).toBe(12);
    const rows = [...(await resultsOf(engine.store, run.id)).values()];
    expect(rows.reduce((sum, row) => sum + row.attempts, 0)).toBe(attempts);
    expect(await stage.verdict(engine)).toMatchObject({ ...sound, paidAgain });
  });

  it.for([
    ['401', { type: 'status', status: 401 }, 'auth'],
    ['no quota', { type: 'status', status: 402 }, 'quota'],
  ] as const)('%s: stops at once, no job fails', async ([, fault, code], { onTestFinished }) => {
    const stage = await openStage(onTestFinished, { faults: { routes: [{ ...call, times: 5, fault }] } });
    const engine = stage.engine();
    const run = await engine.begin(stage.documents, { mode: 'realtime' });
    await expect(engine.finish(run)).rejects.toMatchObject({ code });
    expect((await engine.store.getRun(run.id))?.counts.failed).toBe(0);
    await stage.sandbox.setFaults({});
    expect((await engine.finish(run)).counts.succeeded).toBe(12);
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('a model that does not exist: every job fails with the words of the provider', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished);
    const engine = stage.engine();
    const run = await engine.finish(await engine.begin(stage.documents, { mode: 'realtime', model: 'no-such-model' }));
    expect(run.counts.failed).toBe(12);
    const [row] = [...(await resultsOf(engine.store, run.id)).values()];
    expect(row).toMatchObject({ attempts: 1, errorMessage: expect.stringContaining('does not exist') });
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });

  it('Ollama: a fault of the server is tried again, a missing model is said', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, {
      faults: {
        routes: [{ method: 'POST', path: '/api/chat', times: 2, fault: { type: 'status', status: 500 } }],
      },
    });
    const engine = stage.engine();
    const run = await engine.finish(
      await engine.begin(stage.documents, { provider: engine.ollama, model: 'llama3.2' }),
    );
    expect(run).toMatchObject({ counts: { succeeded: 12 }, costNanoUsd: 0 });
    const missing = await engine.finish(
      await engine.begin(stage.documents, { provider: engine.ollama, model: 'no-such-model' }),
    );
    expect(missing.counts.failed).toBe(12);
    const [row] = [...(await resultsOf(engine.store, missing.id)).values()];
    expect(row?.errorMessage).toContain('ollama pull');
  });
});
