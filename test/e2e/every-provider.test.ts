import { describe, expect, it, vi } from 'vitest';
import type { RouteAction, RowAction } from '../../src/sandbox/fault-plan.ts';
import { type EngineUnderTest, resultsOf } from '../support/engine-under-test.ts';
import { startHoldingProxy } from '../support/holding-proxy.ts';
import { allProviderNames, type ProviderUnderTest, providerUnderTest } from '../support/providers-under-test.ts';
import { markerOf } from '../support/temporary.ts';
import { openStage, runUnder, type StageOptions, sound } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

/*
 * Which test covers which number of `reliability.md`, for all providers unless a file says otherwise:
 *   1-3  test/crash/crash-matrix.test.ts, npm run crash      17  src/sources/jsonl/jsonl-source.test.ts (duplicate ids)
 *   4    test/e2e/together.test.ts                           18  here, src/testing/store/results.ts
 *   6    npm run crash -- --mutants                          19  here, src/ids.test.ts, test/e2e/hostile-results.test.ts
 *   7,8  here, test/e2e/create-faults.test.ts                20  here
 *   9    here, test/e2e/create-faults.test.ts                21  here, src/providers/openai/openai-results.test.ts
 *  10    here, src/providers/<name>/<name>-batch.test.ts     22  here
 *  11    src/engine/foreign-account.test.ts, here            23  here, src/providers/<name>/<name>-results.test.ts
 *  12    here                                                24  test/e2e/hostile-results.test.ts, src/lines.test.ts
 *  13    here (listOrphans)                                  25,26  npm run crash -- --huge; here (3 MB)
 *  14    src/providers/<name>/<name>-create.test.ts          27  here (the sandbox shuffles)
 *  15    here, test/e2e/races.test.ts                        28  src/sinks/*.test.ts
 *  16    the REST interface, not part of the package yet     29  here (realtime), src/testing/store/leases.ts
 *                                                            30  src/providers/<name>/<name>-results.test.ts
 */

const third = 'report-0003.txt';
const html = '<html><body><h1>502 Bad Gateway</h1></body></html>';

/** The provider makes the batch, and the answer does not arrive as it should. */
const madeButUnsaid: Record<string, RouteAction> = {
  'lost reply': { type: 'lost-reply' },
  'status 500 afterwards': { type: 'status-after', status: 500 },
  'status 503 afterwards': { type: 'status-after', status: 503 },
  'status 408 afterwards': { type: 'status-after', status: 408 },
  'a page of a proxy afterwards': { type: 'status-after', status: 502, body: html },
  'a reply cut in the middle': { type: 'cut-reply', bytes: 30 },
  'a reply that ends too early, cleanly': { type: 'cut-reply-clean', bytes: 30 },
};

const unmadeAndUnsaid: Record<string, RouteAction> = {
  'a reset before anything': { type: 'reset' },
  'status 500 instead': { type: 'status', status: 500 },
  'a page of a proxy instead': { type: 'status', status: 502, html: true },
};

const spoiltRows: Record<string, { fault: RowAction; executed: number; quarantined?: number; needsLines?: true }> = {
  'an error of the row': { fault: { type: 'error', status: 500 }, executed: 13 },
  'a rate limit of the row': { fault: { type: 'error', status: 429 }, executed: 13 },
  'missing from the results': { fault: { type: 'missing' }, executed: 13 },
  'the line twice': { fault: { type: 'duplicate' }, executed: 12, quarantined: 1 },
  'a line with an id that nobody sent': { fault: { type: 'unknown-id' }, executed: 12, quarantined: 1 },
  'a line that is not JSON': { fault: { type: 'not-json' }, executed: 13, quarantined: 1, needsLines: true },
  'the last line cut off': {
    fault: { type: 'truncated-last-line' },
    executed: 13,
    quarantined: 1,
    needsLines: true,
  },
  'an empty answer': { fault: { type: 'empty-content' }, executed: 13 },
  'a line of 3 MB': { fault: { type: 'huge', bytes: 3_000_000 }, executed: 12 },
};

const badDownloads: Record<string, RouteAction> = {
  'cut in the middle': { type: 'cut-reply', bytes: 2500 },
  'cut in the middle, cleanly': { type: 'cut-reply-clean', bytes: 2500 },
  'cut after nothing': { type: 'cut-reply-clean', bytes: 0 },
  'status 503': { type: 'status', status: 503 },
  'status 404': { type: 'status', status: 404 },
  'a page of a proxy': { type: 'status', status: 502, html: true },
  reset: { type: 'reset' },
};

describe.each(allProviderNames)('%s', (api) => {
  const { routes, keepsExpired, hasLines } = providerUnderTest(api);
  const rowFaults = Object.entries(spoiltRows).filter(([, { needsLines }]) => hasLines || !needsLines);
  const open = (undo: Parameters<typeof openStage>[0], options: StageOptions = {}) =>
    openStage(undo, { ...options, api });
  const quarantinedBy = async (engine: EngineUnderTest, runId: string) =>
    (await engine.store.listBatches({ runId })).reduce((sum, batch) => sum + batch.quarantined, 0);

  describe.concurrent('creates whose outcome is unknown (7-9)', () => {
    it.for(Object.entries(madeButUnsaid))('%s: adopted, never sent again', async ([, fault], { onTestFinished }) => {
      const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.create, fault }] } });
      const { engine, run } = await runUnder(stage);
      expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 12 });
      expect(await stage.verdict(engine)).toMatchObject({ ...sound, recovered: 12 });
    });

    it('silence longer than our patience: adopted, never sent again', async ({ onTestFinished }) => {
      const stage = await open(onTestFinished);
      const proxy = await startHoldingProxy(onTestFinished, stage.sandbox.url);
      const held = proxy.hold(routes.create.method, createPath(providerUnderTest(api)));
      const { engine, run } = await runUnder(stage, { url: proxy.url, replyMs: 1500 });
      await held;
      expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 12 });
      expect(await stage.verdict(engine)).toMatchObject({ ...sound, recovered: 12 });
    });

    it.for(Object.entries(unmadeAndUnsaid))(
      '%s: sent again only after enough complete listings',
      async ([, fault], { onTestFinished }) => {
        const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.create, fault }] } });
        const { engine, run } = await runUnder(stage);
        expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
        const ledger = await stage.sandbox.ledger();
        expect(ledger).toMatchObject({ createCalls: 2, creates: 1, rowsCharged: 12 });
        expect(ledger.lists).toBeGreaterThanOrEqual(3);
        expect(await stage.verdict(engine)).toMatchObject(sound);
      },
    );

    it('a new batch that the listing hides for a while, and a page that fails: waited for', async ({
      onTestFinished,
    }) => {
      const stage = await open(onTestFinished, {
        faults: {
          routes: [
            { ...routes.create, fault: { type: 'lost-reply' } },
            { ...routes.list, skip: 1, times: 2, fault: { type: 'status', status: 500 } },
            { ...routes.list, times: null, fault: { type: 'hide', ms: 300 } },
          ],
        },
      });
      const { engine, run } = await runUnder(stage, { limits: { absentListings: 3, absentGraceMs: 900 } });
      expect(run.counts.succeeded).toBe(12);
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });

    it('a lost reply, and the batch runs on for longer than the grace: waited for', async ({ onTestFinished }) => {
      const stage = await open(onTestFinished, {
        flags: ['--in-progress-ms', '1500'],
        faults: { routes: [{ ...routes.create, fault: { type: 'lost-reply' } }] },
      });
      const { engine, run } = await runUnder(stage);
      expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 12 });
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });

    it('two batches of as many rows, made in the same second, both replies lost: each finds its own (12)', async ({
      onTestFinished,
    }) => {
      const stage = await open(onTestFinished, {
        faults: { routes: [{ ...routes.create, times: 2, fault: { type: 'lost-reply' } }] },
      });
      const { engine, run } = await runUnder(stage, { limits: { maxRequests: 6 } });
      expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 2, creates: 2, rowsCharged: 12 });
      expect(await quarantinedBy(engine, run.id)).toBe(0);
      expect(await stage.verdict(engine)).toMatchObject({ ...sound, recovered: 12 });
    });

    it('an orphan, whose store is gone, is listed and left alone (13)', async ({ onTestFinished }) => {
      const stage = await open(onTestFinished);
      const { engine } = await runUnder(stage);
      await engine.close();
      const restored = stage.engine({ home: `${stage.home}-restored` });
      const orphans: string[] = [];
      for await (const { remoteId } of restored.offpeak.listOrphans(restored.provider)) orphans.push(remoteId);
      expect(orphans).toHaveLength(1);
      expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, cancels: 0 });
    });
  });

  describe.concurrent('a create that is refused', () => {
    it('429: waits, and loses no attempt', async ({ onTestFinished }) => {
      const fault: RouteAction = { type: 'status', status: 429, headers: { 'retry-after': '1' } };
      const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.create, fault }] } });
      const { engine, run } = await runUnder(stage);
      expect(run.counts.succeeded).toBe(12);
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 2, creates: 1 });
      const rows = await engine.store.readResults(run.id, { limit: 100 });
      expect(rows.every((row) => row.attempts === 1)).toBe(true);
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });

    it('401: stops at once, keeps everything, goes on when it is put right', async ({ onTestFinished }) => {
      const fault: RouteAction = { type: 'status', status: 401 };
      const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.create, fault }] } });
      const engine = stage.engine();
      const run = await engine.begin(stage.documents);
      await expect(engine.finish(run)).rejects.toMatchObject({ code: 'auth' });
      expect((await engine.store.getRun(run.id))?.counts).toMatchObject({ failed: 0, succeeded: 0 });
      expect((await engine.finish(run)).counts.succeeded).toBe(12);
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });
  });

  describe.concurrent('every row is accounted for (18-20, 22, 25)', () => {
    it.for(rowFaults)('%s', async ([, { fault, executed, quarantined = 0 }], { onTestFinished }) => {
      const faults = { rows: [{ match: { contains: markerOf(third), attempt: 1 }, fault }] };
      const stage = await open(onTestFinished, { faults });
      const { engine, run } = await runUnder(stage, { retry: { baseMs: 200, maxMs: 200 } });
      expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 12 } });
      expect((await stage.sandbox.ledger()).rowsExecuted).toBe(executed);
      expect(await quarantinedBy(engine, run.id)).toBe(quarantined);
      expect(await stage.verdict(engine, { ownAnswers: fault.type !== 'huge' })).toMatchObject(sound);
    });

    it('a refusal fails the row at once, with its words', async ({ onTestFinished }) => {
      const faults = { rows: [{ match: { contains: markerOf(third) }, fault: { type: 'refusal' } as const }] };
      const stage = await open(onTestFinished, { faults });
      const { engine, run } = await runUnder(stage);
      expect(run.counts).toMatchObject({ succeeded: 11, failed: 1 });
      const row = (await resultsOf(engine.store, run.id)).get(third);
      expect(row).toMatchObject({ errorCode: expect.stringMatching(/refused|blocked/), attempts: 1 });
      expect(await stage.verdict(engine, { allSucceeded: false })).toMatchObject(sound);
    });

    it('all results missing: all are sent again, once', async ({ onTestFinished }) => {
      const faults = { rows: [{ match: { attempt: 1 }, fault: { type: 'missing' } as const }] };
      const stage = await open(onTestFinished, { faults });
      const { engine, run } = await runUnder(stage);
      expect(run.counts.succeeded).toBe(12);
      expect(await stage.sandbox.ledger()).toMatchObject({ creates: 2, rowsExecuted: 24, rowsCharged: 12 });
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });

    it('expired half way: what was finished is kept, the rest is sent again', async ({ onTestFinished }) => {
      const fault: RouteAction = { type: 'expire-at', fraction: 0.5 };
      const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.create, fault }] } });
      const { engine, run } = await runUnder(stage);
      expect(run.counts.succeeded).toBe(12);
      const ledger = await stage.sandbox.ledger();
      expect(ledger.batches.map(({ rows }) => rows).sort()).toEqual(keepsExpired ? [12, 6] : [12, 12]);
      expect(ledger.rowsCharged).toBe(12);
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });
  });

  describe.concurrent('what else can break (11, 15, 23)', () => {
    it.for(Object.entries(badDownloads))(
      'results, %s: read again, complete, nothing sent again',
      async ([, fault], { onTestFinished }) => {
        const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.download, times: 2, fault }] } });
        const { engine, run } = await runUnder(stage);
        expect(run.counts.succeeded).toBe(12);
        expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 12 });
        expect(await stage.verdict(engine)).toMatchObject(sound);
      },
    );

    it('polls that fail are polls; a 404 is no proof', async ({ onTestFinished }) => {
      const faults: RouteAction[] = [
        ...[{ type: 'reset' } as const, { type: 'status', status: 500 } as const],
        ...[{ type: 'status', status: 404 } as const, { type: 'status', status: 502, html: true } as const],
        ...[{ type: 'cut-reply', bytes: 30 } as const, { type: 'cut-reply-clean', bytes: 30 } as const],
      ];
      const stage = await open(onTestFinished, {
        faults: { routes: faults.map((fault) => ({ ...routes.poll, fault })) },
      });
      const { engine, run } = await runUnder(stage);
      expect(run.counts.succeeded).toBe(12);
      expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1 });
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });

    it.runIf(routes.upload)('uploads that fail: uploaded again, one create', async ({ onTestFinished }) => {
      const upload = routes.upload ?? routes.create;
      const faults: RouteAction[] = [{ type: 'lost-reply' }, { type: 'status', status: 500 }, { type: 'reset' }];
      const stage = await open(onTestFinished, { faults: { routes: faults.map((fault) => ({ ...upload, fault })) } });
      const { engine, run } = await runUnder(stage);
      expect(run.counts.succeeded).toBe(12);
      expect(await stage.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
      expect(await stage.verdict(engine)).toMatchObject(sound);
    });

    it.for([
      ['reset', { type: 'reset' }, 0],
      ['status 500', { type: 'status', status: 500 }, 0],
      ['status 429', { type: 'status', status: 429 }, 0],
      ['a reply cut off', { type: 'cut-reply', bytes: 20 }, 2],
      ['a lost reply', { type: 'lost-reply' }, 2],
    ] as const)('realtime, %s, twice: answered in the end', async ([, fault, paidAgain], { onTestFinished }) => {
      const stage = await open(onTestFinished, { faults: { routes: [{ ...routes.call, times: 2, fault }] } });
      const engine = stage.engine();
      const run = await engine.finish(await engine.begin(stage.documents, { mode: 'realtime' }));
      expect(run.counts.succeeded).toBe(12);
      expect(await stage.verdict(engine)).toMatchObject({ ...sound, paidAgain });
    });
  });
});

/** The holding proxy knows no patterns. */
function createPath({ routes, model }: ProviderUnderTest): string {
  return routes.create.path.replace('*', model);
}
