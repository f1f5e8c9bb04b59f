import { describe, expect, it, vi } from 'vitest';
import type { RouteAction } from '../../src/sandbox/fault-plan.ts';
import { scaledClock } from '../support/scaled-clock.ts';
import { openStage, runUnder, sound } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

const create = { method: 'POST', path: '/v1/batches' };
const list = { method: 'GET', path: '/v1/batches' };

// What is the same for every provider stands in `every-provider.test.ts`.
describe.concurrent('a create whose outcome is unknown (I5)', () => {
  it('a grace that the number of listings does not divide', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, { faults: { routes: [{ ...create, fault: { type: 'reset' } }] } });
    const { engine, run } = await runUnder(stage, { limits: { absentListings: 3, absentGraceMs: 1000 } });
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('lost three times in a row: still one batch', async ({ onTestFinished }) => {
    const routes = [
      { ...create, fault: { type: 'reset' } },
      { ...create, fault: { type: 'status', status: 500 } },
      { ...create, fault: { type: 'lost-reply' } },
    ] as const;
    const stage = await openStage(onTestFinished, { faults: { routes: [...routes] } });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 3, creates: 1, uploads: 1 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('the new batch is missing from the list for 90 s: waited for, with the real limits', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished, {
      flags: ['--time-scale', '200'],
      faults: {
        routes: [
          { ...create, fault: { type: 'lost-reply' } },
          { ...list, times: null, fault: { type: 'hide', ms: 90_000 } },
        ],
      },
    });
    const { engine, run } = await runUnder(stage, {
      clock: scaledClock(200),
      limits: { absentListings: 3, absentGraceMs: 120_000 },
      retry: { baseMs: 1000, maxMs: 60_000 },
    });
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('a listing that fails on its last page is no listing', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, { files: 3 });
    // 120 other batches: the listing has two pages, and the orphan is the oldest of all.
    await stage.sandbox.setFaults({ routes: [{ ...create, fault: { type: 'lost-reply' } }] });
    const engine = stage.engine({ limits: { absentListings: 2, absentGraceMs: 50 } });
    const failingPages = { ...list, skip: 1, times: 4, fault: { type: 'status', status: 500 } } as const;
    const begun = await engine.begin(stage.documents);
    const batch = engine.provider.batch;
    if (!batch?.upload) throw new Error('no batch API');
    const { upload, create: createBatch } = batch;
    const body = JSON.stringify({ model: 'no-such-model', messages: [{ role: 'user', content: 'x' }] });
    const endpoint = '/v1/chat/completions';
    const requests = async function* () {
      yield { customId: 'other', body };
    };
    const other = { endpoint, requests, bytes: batch.lineBytes(body.length, 'other', endpoint) };
    const others = async () => {
      const { fileId } = await upload({ ...other, fileName: 'other.jsonl' });
      for (let i = 0; i < 120; i++) {
        await createBatch({ ...other, fileId, nonce: `other${String(i).padStart(5, '2')}` });
      }
      await stage.sandbox.setFaults({ routes: [failingPages] });
    };
    // The others come to be while the reply of the orphan is on its way.
    let isFirst = true;
    batch.create = async (input) => {
      if (!isFirst) return createBatch(input);
      isFirst = false;
      const outcome = await createBatch(input).catch((error: unknown) => error);
      await others();
      throw outcome;
    };
    const run = await engine.finish(begun);
    expect(run.counts.succeeded).toBe(3);
    const ledger = await stage.sandbox.ledger();
    expect(ledger.batches.filter(({ metadata }) => !metadata?.offpeak_submit?.startsWith('other'))).toHaveLength(1);
    expect(ledger.rowsCharged).toBe(3);
  });

  it('after a refusal for lack of room, a lost reply does not adopt the refused batch and send a third', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished, {
      flags: ['--time-scale', '100', '--in-progress-ms', '120000'],
      faults: {
        routes: [
          { ...create, fault: { type: 'token-limit' } },
          { ...create, fault: { type: 'lost-reply' } },
          { ...list, times: 2, fault: { type: 'hide', ms: 3_000 } },
        ],
      },
    });
    const { engine, run } = await runUnder(stage, {
      clock: scaledClock(100),
      limits: { pollMinMs: 2000, pollMaxMs: 10_000, absentListings: 3, absentGraceMs: 120_000 },
      retry: { baseMs: 1000, maxMs: 60_000 },
    });
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.verdict(engine)).toMatchObject(sound);
    // The refused one, and the one whose reply was lost.
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 2, rowsCharged: 12 });
  });
});

describe.concurrent('a create that is refused', () => {
  it('400: the jobs fail with the words of the provider', async ({ onTestFinished }) => {
    const body = { error: { message: 'This endpoint is closed on Sundays.', type: 'invalid_request_error' } };
    const refusal: RouteAction = { type: 'status', status: 400, body };
    const stage = await openStage(onTestFinished, { faults: { routes: [{ ...create, fault: refusal }] } });
    const { engine, run } = await runUnder(stage);
    expect(run).toMatchObject({ state: 'ended', counts: { failed: 12, succeeded: 0 } });
    const [row] = await engine.store.readResults(run.id, { limit: 1 });
    expect(row?.errorMessage).toContain('This endpoint is closed on Sundays.');
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });

  it.for([
    ['403', { type: 'status', status: 403 }, 'auth'],
    [
      'no quota',
      {
        type: 'status',
        status: 429,
        body: { error: { message: 'You exceeded your current quota.', code: 'insufficient_quota' } },
      },
      'quota',
    ],
  ] as const)(
    '%s: stops at once, keeps everything, goes on when it is put right',
    async (given, { onTestFinished }) => {
      const [, fault, code] = given;
      const stage = await openStage(onTestFinished, { faults: { routes: [{ ...create, fault }] } });
      const engine = stage.engine();
      const run = await engine.begin(stage.documents);
      await expect(engine.finish(run)).rejects.toMatchObject({ code });
      expect((await engine.store.getRun(run.id))?.counts).toMatchObject({ failed: 0, succeeded: 0 });
      const ended = await engine.finish(run);
      expect(ended.counts.succeeded).toBe(12);
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 2, creates: 1, uploads: 1 });
      expect(await stage.verdict(engine)).toMatchObject(sound);
    },
  );

  it('the input file is not visible yet: asked again, one upload', async ({ onTestFinished }) => {
    const routes = [{ ...create, times: 3, fault: { type: 'file-not-found' } }] as const;
    const stage = await openStage(onTestFinished, { faults: { routes: [...routes] } });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 4, creates: 1 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('the input file is gone for good: uploaded again instead of asked for for ever', async ({ onTestFinished }) => {
    const routes = [{ ...create, times: 60, fault: { type: 'file-not-found' } }] as const;
    const stage = await openStage(onTestFinished, { faults: { routes: [...routes] } });
    const { run } = await runUnder(stage, { retry: { baseMs: 1, maxMs: 5 } });
    expect(run.counts.succeeded).toBe(12);
    expect((await stage.sandbox.ledger()).uploads).toBeGreaterThan(1);
  });

  it('no batch API at all: realtime, one after another, and the run says so', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, { flags: ['--no-batch-api'] });
    const { engine, run } = await runUnder(stage);
    expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
    expect(run.note).toContain('no batch API');
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 0, realtimeCalls: 12, rowsCharged: 12 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('files are there, batches are not (404): realtime as well', async ({ onTestFinished }) => {
    const routes = [{ ...create, times: null, fault: { type: 'status', status: 404 } }] as const;
    const stage = await openStage(onTestFinished, { faults: { routes: [...routes] } });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.succeeded).toBe(12);
    expect(run.note).toContain('no batch API');
    expect(await stage.sandbox.ledger()).toMatchObject({ realtimeCalls: 12, creates: 0 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });
});
