import { expect, test } from 'vitest';
import { endBatch, failed, first, sendBatch, sizeOf, start } from '../store/context.ts';
import { hostileTexts } from '../store/hostile-text.ts';
import { newJobOf, queuedJob, type ServedContext } from './context.ts';

export function testServedHostileText(context: ServedContext): void {
  test.each(hostileTexts)('%s', async (_, text) => {
    const { service, store, views } = context;
    const body = JSON.stringify({ input: text });
    const lane = { model: text, endpoint: `/${text}`, account: `fake:${text}` };
    const job = queuedJob('a', {
      queue: text,
      data: body,
      callbackUrl: text,
      lane,
      idempotency: { key: text, hash: text },
    });
    const request = { ...job.request, body, size: sizeOf(body) };
    const { job: id, runId } = newJobOf((await service.enqueue([{ ...job, request }], start))[0]);
    expect(await service.enqueue([{ ...job, request }], start)).toEqual([{ type: 'same', job: id, runId }]);
    expect(await service.listQueues()).toMatchObject([{ queue: text, bytes: Buffer.byteLength(body) }]);
    await service.sealQueues([runId], start, { name: text, dueAt: start });
    expect(await service.lastMark(text)).toBe(start);
    const { lease, attempts } = await sendBatch(store, first(await store.findLanes({}, start)).id);
    await store.book([failed(first(attempts), { errorCode: `c${text}`, errorMessage: text })], lease);
    await endBatch(store, lease);
    expect(await views.getJob(id)).toMatchObject({
      queue: text,
      model: text,
      body,
      data: body,
      callbackUrl: text,
      errorMessage: text,
    });
    expect(await views.readFeed({ after: 0, limit: 9, runId })).toMatchObject([
      { job: id, data: body, errorMessage: text },
    ]);
    expect(await views.listFailures(runId)).toEqual([{ code: `c${text}`, jobs: 1, example: text }]);
    // A queue has a name: an empty one counts as none.
    if (text !== '')
      expect(await views.totalsByQueue({ simulated: false })).toMatchObject([{ queue: text, failed: 1 }]);
    const { key } = (await views.getJob(id)) ?? { key: '' };
    expect((await views.listJobs({ runId, limit: 9, keyPrefix: key.slice(0, -1) })).jobs).toMatchObject([{ id }]);
    expect((await views.listJobs({ runId, limit: 9, keyPrefix: `${key}\u0000` })).jobs).toEqual([]);
    expect((await views.listRuns({ limit: 9, queue: text, search: runId.slice(0, 9) })).map((run) => run.id)).toEqual([
      runId,
    ]);
    expect(await views.listRuns({ limit: 9, search: `%${text}` })).toEqual([]);
    await service.planDeliveries(start);
    expect(await service.listDeliveries({ limit: 9 })).toMatchObject([{ url: text, job: id }]);
    await service.changeSettings(() => new Map([[text, { [`x${text}`]: text }]]), start);
    expect((await service.getSettings()).get(text)).toEqual({ [`x${text}`]: text });
    await service.addToken({ id: text, name: text, role: 'read', createdAt: start }, `h${text}`);
    expect(await service.findToken(`h${text}`)).toMatchObject({ id: text, name: text });
    const alert = { name: text, subject: text, severity: 'info', title: text, message: text } as const;
    await service.raiseAlert(alert, start);
    expect(await service.listAlerts({ limit: 9 })).toMatchObject([alert]);
  });

  test('a lone surrogate stays where it is JSON text, and elsewhere becomes the mark of what is lost', async () => {
    const { service, views } = context;
    const data = JSON.stringify({ text: 'a\ud800b\udfff' });
    const { job } = newJobOf((await service.enqueue([queuedJob('a', { data })], start))[0]);
    expect((await views.getJob(job))?.data).toBe(data);
    await service.addToken({ id: 'a', name: 'x\ud800', role: 'read', createdAt: start }, 'hash');
    expect(await service.listTokens()).toMatchObject([{ name: 'x\ufffd' }]);
  });
}
