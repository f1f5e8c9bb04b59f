import { describe, expect, it, vi } from 'vitest';
import type { RouteAction, RowAction } from '../../src/sandbox/fault-plan.ts';
import { type EngineUnderTest, resultsOf } from '../support/engine-under-test.ts';
import { markerOf, until } from '../support/temporary.ts';
import { openStage, runUnder, sound } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

const third = 'report-0003.txt';
/** The fault strikes one document, at its first execution or at each. */
const onThird = (fault: RowAction, always = false) => ({
  rows: [{ match: { contains: markerOf(third), ...(always ? {} : { attempt: 1 }) }, fault }],
});
const quarantinedBy = async (engine: EngineUnderTest, runId: string) =>
  (await engine.store.listBatches({ runId })).reduce((sum, batch) => sum + batch.quarantined, 0);

describe.concurrent('every row is accounted for', () => {
  /** One row is spoilt once: it alone is sent again. `again`: how many rows are executed in all. */
  const once: readonly [name: string, fault: RowAction, expected: { executed: number; quarantined: number }][] = [
    ['an error in the output file', { type: 'error', status: 500, inOutput: true }, { executed: 13, quarantined: 0 }],
    ['status zero', { type: 'status-zero' }, { executed: 13, quarantined: 0 }],
  ];
  it.for(once)('%s', async ([, fault, expected], { onTestFinished }) => {
    const stage = await openStage(onTestFinished, { faults: onThird(fault) });
    const { engine, run } = await runUnder(stage);
    expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
    const ledger = await stage.sandbox.ledger();
    expect(ledger.rowsExecuted).toBe(expected.executed);
    expect(await quarantinedBy(engine, run.id)).toBe(expected.quarantined);
    // The answer to the huge one is all filler.
    expect(await stage.verdict(engine, { ownAnswers: fault.type !== 'huge' })).toMatchObject(sound);
  });

  it('a request the provider cannot accept is not sent again', async ({ onTestFinished }) => {
    const fault: RowAction = { type: 'error', status: 400, message: 'This image is upside down.' };
    const stage = await openStage(onTestFinished, { faults: onThird(fault, true) });
    const { engine, run } = await runUnder(stage);
    expect(run.counts).toMatchObject({ succeeded: 11, failed: 1 });
    const row = (await resultsOf(engine.store, run.id)).get(third);
    expect(row).toMatchObject({ errorMessage: 'This image is upside down.', attempts: 1 });
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });

  it('three attempts, then failed with the words of the provider', async ({ onTestFinished }) => {
    const fault: RowAction = { type: 'error', status: 503, message: 'The model is on holiday.' };
    const stage = await openStage(onTestFinished, { faults: onThird(fault, true) });
    const { engine, run } = await runUnder(stage);
    expect(run.counts).toMatchObject({ succeeded: 11, failed: 1 });
    const row = (await resultsOf(engine.store, run.id)).get(third);
    expect(row).toMatchObject({ state: 'failed', errorMessage: 'The model is on holiday.', attempts: 3 });
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 3, rowsExecuted: 14, rowsCharged: 11 });
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });

  it('all rows at once spoilt: one more batch for all of them, not one for each', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, {
      files: 200,
      faults: { rows: [{ match: { attempt: 1 }, fault: { type: 'error', status: 500 } }] },
    });
    const { engine, run } = await runUnder(stage, { retry: { baseMs: 1000, maxMs: 1000 } });
    expect(run.counts.succeeded).toBe(200);
    expect((await stage.sandbox.ledger()).creates).toBe(2);
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('an answer that breaks the schema is asked for again, and both are booked', async ({ onTestFinished }) => {
    // The last row of the first batch alone: the request that mends it is another body, so no attempt could be named.
    const faults = { rows: [{ match: { everyNth: 12 }, fault: { type: 'invalid-json-answer' } as const }] };
    const stage = await openStage(onTestFinished, { faults });
    const engine = stage.engine();
    const schema = {
      type: 'object',
      properties: { summary: { type: 'string' } },
      required: ['summary'],
      additionalProperties: false,
    };
    const run = await engine.finish(await engine.begin(stage.documents, { schema }));
    expect(run.counts.succeeded).toBe(12);
    const rows = await resultsOf(engine.store, run.id);
    expect(rows.get('report-0012.txt')).toMatchObject({ attempts: 2 });
    for (const row of rows.values()) expect(JSON.parse(row.output ?? '')).toEqual({ summary: expect.any(String) });
    const ledger = await stage.sandbox.ledger();
    expect(ledger.rowsCharged).toBe(13);
    expect(run.costNanoUsd).toBe(ledger.chargedNanoUsd);
  });

  it('an answer that never keeps to the schema is mended once, then it has failed', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, { faults: onThird({ type: 'text', text: 'Sorry, no.' }, true) });
    const engine = stage.engine();
    const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
    const run = await engine.finish(await engine.begin(stage.documents, { schema }));
    expect(run.counts).toMatchObject({ succeeded: 11, failed: 1 });
    expect((await resultsOf(engine.store, run.id)).get(third)).toMatchObject({
      errorCode: 'invalid_output',
      attempts: 2,
    });
    expect(run.costNanoUsd).toBe((await stage.sandbox.ledger()).chargedNanoUsd);
  });
});

describe.concurrent('downloads that break off', () => {
  const download = { method: 'GET', path: '/v1/files/*/content' };
  it('five failures and then a clean cut: rows that were not read yet are not taken for missing', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished, {
      faults: {
        routes: [
          { ...download, times: 5, fault: { type: 'status', status: 503 } },
          { ...download, skip: 5, times: 1, fault: { type: 'cut-reply-clean', bytes: 2500 } },
          // The server that could say how long the file is does not.
          { method: 'GET', path: '/v1/files/*', times: null, fault: { type: 'status', status: 500 } },
        ],
      },
    });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 12 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });
});

describe.concurrent('uploads that fail', () => {
  const upload = { method: 'POST', path: '/v1/files' };
  const faults: Record<string, RouteAction> = {
    'lost reply': { type: 'lost-reply' },
    reset: { type: 'reset' },
    'status 500': { type: 'status', status: 500 },
    'status 429': { type: 'status', status: 429 },
    'a page of a proxy': { type: 'status', status: 503, html: true },
    'a reply cut off': { type: 'cut-reply', bytes: 10 },
    'a reply cut off cleanly': { type: 'cut-reply-clean', bytes: 10 },
  };
  it.for(Object.entries(faults))('%s: uploaded again, one create', async ([, fault], { onTestFinished }) => {
    const stage = await openStage(onTestFinished, { faults: { routes: [{ ...upload, times: 2, fault }] } });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('refused with 400: the jobs fail with its words', async ({ onTestFinished }) => {
    const body = { error: { message: 'Files are not what we take today.', type: 'invalid_request_error' } };
    const stage = await openStage(onTestFinished, {
      faults: { routes: [{ ...upload, fault: { type: 'status', status: 400, body } }] },
    });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.failed).toBe(12);
    const [row] = await engine.store.readResults(run.id, { limit: 1 });
    expect(row?.errorMessage).toContain('Files are not what we take today.');
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });
});

describe.concurrent('batches that end in another way', () => {
  const create = { method: 'POST', path: '/v1/batches' };

  it('failed for one line: that row fails, the others go again and lose no attempt', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, {
      faults: {
        routes: [
          { ...create, fault: { type: 'fail-batch', code: 'invalid_value', message: 'Line 3 is odd.', line: 3 } },
        ],
      },
    });
    const { engine, run } = await runUnder(stage);
    expect(run.counts).toMatchObject({ succeeded: 11, failed: 1 });
    const rows = await resultsOf(engine.store, run.id);
    expect(rows.get(third)).toMatchObject({
      state: 'failed',
      errorCode: 'invalid_request',
      errorMessage: 'Line 3 is odd. (invalid_value)',
    });
    expect(rows.get('report-0001.txt')).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 2, rowsCharged: 11 });
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });

  it('failed as a whole: no row is to blame, all fail with the reason', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, {
      faults: { routes: [{ ...create, fault: { type: 'fail-batch', code: 'odd', message: 'All of it is odd.' } }] },
    });
    const { engine, run } = await runUnder(stage);
    expect(run.counts).toMatchObject({ failed: 12 });
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 0 });
    expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
  });

  it('no room for its tokens, by a limit far above them: the same file is submitted again later', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished, {
      faults: { routes: [{ ...create, times: 1, fault: { type: 'token-limit' } }] },
    });
    const { engine, run } = await runUnder(stage);
    expect(run.counts.succeeded).toBe(12);
    expect(await stage.sandbox.ledger()).toMatchObject({ uploads: 1, createCalls: 2, creates: 2, rowsCharged: 12 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('cancelled in the middle: what was finished is booked, the rest cancelled, and resume sends only that', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished, { flags: ['--per-row-ms', '500'] });
    const engine = stage.engine();
    const begun = await engine.begin(stage.documents);
    const working = engine.finish(begun);
    const created = async () => (await stage.sandbox.ledger()).creates === 1;
    await until('a batch', created);
    // Half of the rows are done by then, in the provider's time.
    await stage.sandbox.advance(3100);
    // Seen by us, so that the provider has really begun: one that has not finishes nothing when it is cancelled.
    await until('half of the rows', async () => {
      const [batch] = await engine.store.listBatches({ runId: begun.id });
      return (batch?.counts?.succeeded ?? 0) >= 6;
    });
    await engine.offpeak.cancel(begun.id);
    const run = await working;
    const { succeeded, cancelled } = run.counts;
    expect(run.state).toBe('ended');
    expect(succeeded + cancelled).toBe(12);
    expect(succeeded).toBeGreaterThanOrEqual(6);
    expect(cancelled).toBeGreaterThan(0);
    const ledger = await stage.sandbox.ledger();
    expect(ledger).toMatchObject({ cancels: 1, rowsCharged: succeeded });
    expect(run.costNanoUsd).toBe(ledger.chargedNanoUsd);

    expect(await engine.offpeak.retry(run.id, ['failed', 'cancelled'])).toBe(cancelled);
    const resuming = engine.finish(run, { reopen: true });
    await until('a second batch', async () => (await stage.sandbox.ledger()).creates === 2);
    await stage.sandbox.advance(60_000);
    expect((await resuming).counts.succeeded).toBe(12);
    expect((await stage.sandbox.ledger()).rowsCharged).toBe(12);
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });
});
