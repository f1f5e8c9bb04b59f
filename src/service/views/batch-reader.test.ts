import { describe, expect, test } from 'vitest';
import { batchDetails, batchSummary } from '../contract/batches.ts';
import { serverEvent } from '../contract/deliveries.ts';
import { batchesPage } from '../contract/runs.ts';
import { endBatch, enqueueJobs, hour, moveBatch, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { createViewsFixture, fits } from './views-fixtures.ts';

const iso = (ms: number) => new Date(ms).toISOString();

describe('a batch', () => {
  test('under way: what the provider said at the last poll, its age, and when it will be done', async () => {
    const { store, clock, views } = createViewsFixture();
    // The account's last batches took one, two and nine hours; one that was stopped says nothing.
    for (const hours of [1, 9, 2])
      await runQueue(store, 1, { at: start - 24 * hour, endAt: start - (24 - hours) * hour });
    const stopped = await enqueueJobs(store, 1, { at: start - 24 * hour });
    const stop = await sendRun(store, stopped.runId, { at: start - 24 * hour, change: { cancelRequested: true } });
    await endBatch(store, stop, { at: start - 24 * hour + 60_000 });
    const { runId } = await enqueueJobs(store, 4);
    const counts = { total: 4, succeeded: 2, failed: 1 };
    await sendRun(store, runId, {
      at: start,
      change: { rawStatus: 'finalizing', counts, expiresAt: start + 24 * hour },
    });
    const batch = fits(batchDetails, await views.batch('openai_5'));
    expect(batch).toMatchObject({
      batch_id: 'openai_5',
      provider: 'openai',
      model: 'gpt-5-mini',
      job_type: 'creative_scoring',
      run_id: runId,
      provider_batch_id: 'remote-5',
      status: 'processing',
      state: 'in_progress',
      job_count: 4,
      succeeded: 0,
      failed: 0,
      cost_savings: 0,
      created_at: iso(start),
      submitted_at: iso(start),
      completed_at: null,
      expires_at: iso(start + 24 * hour),
      age_hours: 2,
      expected_end_at: iso(start + 2 * hour),
      error: null,
      provider_status: {
        status: 'finalizing',
        request_counts: { total: 4, completed: 2, failed: 1 },
        created_at: iso(start),
        completed_at: null,
      },
      cancel_requested: false,
    });
    expect(batch.timeline).toEqual(
      ['packing', 'packed', 'submitting', 'in_progress'].map((state) => ({ at: iso(start), state, detail: null })),
    );
    await clock.advance(90 * 60_000);
    expect((await views.batch('openai_5')).age_hours).toBe(3.5);
  });

  test('that has ended: what came of it, what it cost and saved, how long it took', async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 4, { endAt: start + 1.5 * hour, ending: { failed: 1 } });
    expect(fits(batchDetails, await views.batch('openai_1'))).toMatchObject({
      status: 'completed',
      state: 'collected',
      job_count: 4,
      succeeded: 3,
      failed: 1,
      cost_usd: 0.015,
      cost_savings: 0.015,
      completed_at: iso(start + 1.5 * hour),
      age_hours: 1.5,
      expected_end_at: null,
      provider_status: { status: 'completed', request_counts: null, completed_at: iso(start + 1.5 * hour) },
    });
  });

  test('whose model has no known price costs what nobody knows, and saves nothing', async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 2, { ending: { unpriced: true } });
    expect(fits(batchDetails, await views.batch('openai_1'))).toMatchObject({ cost_usd: null, cost_savings: 0 });
  });

  test('whose account has no history has no expected end', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 1);
    await sendRun(store, runId);
    expect((await views.batch('openai_1')).expected_end_at).toBeNull();
  });

  test('that failed says why', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 1);
    const { lease } = await sendRun(store, runId);
    await store.updateBatch(
      lease,
      { state: 'failed', errorCode: 'model_not_found', errorMessage: 'no such model' },
      start,
    );
    const batch = fits(batchDetails, await views.batch('openai_1'));
    expect(batch).toMatchObject({ status: 'failed', error: 'model_not_found: no such model' });
    expect(batch.timeline.at(-1)).toEqual({ at: iso(start), state: 'failed', detail: 'no such model' });
  });

  test.each(['openai_2', 'gemini_1', 'openai_1x', 'openai', '', 'openai_01', 'x'.repeat(1000)])(
    'by the id %s there is none',
    async (id) => {
      const { store, views } = createViewsFixture();
      await runQueue(store, 1);
      await expect(views.batch(id)).rejects.toMatchObject({ code: 'not_found' });
      await expect(views.results({ after: 0, limit: 10, batchId: id })).rejects.toMatchObject({ code: 'not_found' });
    },
  );
});

describe('batches', () => {
  test('by page, newest first, by type, provider and run', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await runQueue(store, 1);
    await runQueue(store, 1, { provider: 'gemini' });
    await runQueue(store, 1, { queue: 'hook_generation' });
    const ids = async (filter: Parameters<typeof views.batches>[0]) => {
      const { batches, next_before } = fits(batchesPage, await views.batches(filter));
      return [...batches.map(({ batch_id }) => batch_id), next_before];
    };
    expect(await ids({ limit: 2 })).toEqual(['openai_3', 'gemini_2', 2]);
    expect(await ids({ limit: 2, before: 2 })).toEqual(['openai_1', null]);
    expect(await ids({ limit: 3 })).toEqual(['openai_3', 'gemini_2', 'openai_1', null]);
    expect(await ids({ limit: 9, provider: 'gemini' })).toEqual(['gemini_2', null]);
    expect(await ids({ limit: 9, jobType: 'hook_generation' })).toEqual(['openai_3', null]);
    expect(await ids({ limit: 9, runId })).toEqual(['openai_1', null]);
    expect(await ids({ limit: 9, openOnly: true })).toEqual([null]);
  });

  test('under way: all of them, however many', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 3);
    for (let i = 0; i < 3; i++) await sendRun(store, runId, { requests: 1 });
    await runQueue(store, 1, { provider: 'gemini' });
    const active = await views.active();
    expect(active.map((batch) => fits(batchSummary, batch).batch_id)).toEqual(['openai_3', 'openai_2', 'openai_1']);
  });
});

describe('events', () => {
  test('of all, of a run, of a batch; after a cursor, under public ids', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await runQueue(store, 1);
    await runQueue(store, 1, { provider: 'gemini' });
    await store.service.raiseAlert({ name: 'a', subject: '', severity: 'info', title: 't', message: 'm' }, start);
    const all = await views.events({ after: 0, limit: 100 });
    for (const event of all) fits(serverEvent, event);
    expect(all.at(-1)).toMatchObject({ type: 'alert_raised', run_id: null, batch_id: null });
    expect(all.map(({ id }) => id)).toEqual(all.map((_, i) => i + 1));
    expect(await views.lastEventId()).toBe(all.length);
    expect(new Set(all.map(({ batch_id }) => batch_id))).toEqual(new Set([null, 'openai_1', 'gemini_2']));
    const rest = await views.events({ after: all[3]?.id ?? 0, limit: 2 });
    expect(rest).toEqual(all.slice(4, 6));
    const ofRun = await views.events({ after: 0, limit: 100, runId });
    expect(new Set(ofRun.map(({ run_id }) => run_id))).toEqual(new Set([runId]));
    const ofBatch = await views.events({ after: 0, limit: 100, batchId: 'gemini_2' });
    expect(ofBatch.map(({ type }) => type)).toContain('batch_collected');
    expect(new Set(ofBatch.map(({ batch_id }) => batch_id))).toEqual(new Set(['gemini_2']));
  });

  test('of what there is not', async () => {
    const { views } = createViewsFixture();
    await expect(views.events({ after: 0, limit: 1, batchId: 'openai_1' })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(views.events({ after: 0, limit: 1, runId: 'run-x' })).rejects.toMatchObject({ code: 'not_found' });
  });
});

test('a batch that was stopped is cancelled, in lists as well', async () => {
  const { store, views } = createViewsFixture();
  const { runId } = await enqueueJobs(store, 2);
  const sent = await sendRun(store, runId);
  await store.service.cancelBatch(sent.batchId);
  expect(await views.batch('openai_1')).toMatchObject({ status: 'processing', cancel_requested: true });
  await moveBatch(store, sent.lease, ['ended', 'collecting', 'collected'], start + hour);
  expect(await views.batch('openai_1')).toMatchObject({ status: 'cancelled', state: 'collected' });
  expect((await views.batches({ limit: 1 })).batches[0]?.status).toBe('cancelled');
});
