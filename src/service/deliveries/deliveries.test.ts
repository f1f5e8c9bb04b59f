import { describe, expect, test } from 'vitest';
import { resultRow } from '../contract/batches.ts';
import { deliveryDetails } from '../contract/deliveries.ts';
import { jobIdOf } from '../public-ids.ts';
import { runQueue } from '../sent-queue-fixtures.ts';
import {
  createDeliveriesFixture,
  type DeliveriesFixture,
  idsOf,
  startReceiver,
  verified,
} from './deliveries-fixtures.ts';

const minute = 60_000;
const hour = 60 * minute;

/** A queue of jobs whose ends are told to an address. */
function endJobs({ store, clock }: DeliveriesFixture, count: number, callbackUrl: string) {
  return runQueue(store, count, { at: clock.now(), endAt: clock.now(), callbackUrl, data: '{"creative_id":"c1"}' });
}

async function statesOf({ deliveries }: DeliveriesFixture) {
  const { deliveries: rows } = await deliveries.list({ limit: 100 });
  return rows.map(({ state, attempts, last_status }) => ({ state, attempts, last_status }));
}

describe('the end of a job', () => {
  test('is told once, signed, with the result', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_, response) => response.writeHead(204).end());
    const { jobs, runId } = await endJobs(fixture, 3, `${receiver.url}/done?key=1`);
    await fixture.run();
    await fixture.run();
    expect(receiver.seen).toHaveLength(3);
    const secret = await fixture.deliveries.signingSecret();
    const told = receiver.seen.map((request) => verified(secret, request));
    for (const [i, each] of told.entries()) {
      expect(each).toMatchObject({
        type: 'job.ended',
        timestamp: new Date(fixture.clock.now()).toISOString(),
        data: { run_id: runId, status: 'succeeded', output: `answer ${i}`, data: { creative_id: 'c1' } },
      });
      expect(Object.keys(each as object)).toEqual(['type', 'timestamp', 'data']);
      resultRow.strict().parse((each as { data: unknown }).data);
    }
    const ids = told.map((each) => (each as { data: { job_id: string } }).data.job_id);
    expect(ids.sort()).toEqual(jobs.map((job) => jobIdOf('creative_scoring', job)).sort());
    expect(receiver.seen[0]?.path).toBe('/done?key=1');
    expect(receiver.seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'offpeak/1.2.3',
    });
    expect(new Set(idsOf(receiver)).size).toBe(3);
  });

  test('a job without a callback is told to nobody', async () => {
    const fixture = createDeliveriesFixture();
    await runQueue(fixture.store, 2, { at: fixture.clock.now() });
    await fixture.run();
    expect(await statesOf(fixture)).toEqual([]);
  });

  test('one that was queued again meanwhile is told when it ends anew', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_, response) => response.end());
    const { jobs } = await runQueue(fixture.store, 1, {
      at: fixture.clock.now(),
      endAt: fixture.clock.now(),
      callbackUrl: receiver.url,
      ending: { failed: 1 },
    });
    await fixture.store.service.planDeliveries(fixture.clock.now());
    expect(await fixture.store.service.requeueJob(jobs[0] ?? 0)).toBe(true);
    await fixture.run();
    expect(receiver.seen).toEqual([]);
    expect(await statesOf(fixture)).toEqual([{ state: 'failed', attempts: 1, last_status: null }]);
  });
});

describe('a receiver that does not take it', () => {
  test('is asked again for three days, under the same id, and every attempt is on record', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_, response) => response.writeHead(500).end());
    await endJobs(fixture, 1, receiver.url);
    const startedAt = fixture.clock.now();
    await fixture.run();
    for (let i = 0; i < 20; i++) {
      const { deliveries } = await fixture.deliveries.list({ limit: 1 });
      const nextAt = deliveries[0]?.next_at;
      if (!nextAt) break;
      await fixture.clock.advance(Date.parse(nextAt) - fixture.clock.now() - 1);
      await fixture.run();
      const before = receiver.seen.length;
      await fixture.clock.advance(1);
      await fixture.run();
      expect(receiver.seen).toHaveLength(before + 1);
    }
    expect(receiver.seen).toHaveLength(10);
    expect(new Set(idsOf(receiver)).size).toBe(1);
    // The signature is of the attempt: an old one is refused.
    const times = receiver.seen.map(({ headers }) => Number(headers['webhook-timestamp']) * 1000 - startedAt);
    expect(times.at(-1)).toBeGreaterThan(72 * hour);
    const { deliveries } = await fixture.deliveries.list({ limit: 1 });
    const details = await fixture.deliveries.get(deliveries[0]?.delivery_id ?? 0);
    expect(() => deliveryDetails.strict().parse(details)).not.toThrow();
    expect(details).toMatchObject({ state: 'failed', attempts: 10, next_at: null, last_status: 500 });
    expect(details.log.map(({ status, error }) => [status, error])).toEqual(
      Array.from({ length: 10 }, () => [500, 'the receiver answered 500']),
    );
    expect(details.log.map(({ at }) => Date.parse(at) - startedAt).map((ms) => Math.floor(ms / 1000))).toEqual(
      times.map((ms) => ms / 1000),
    );
  });

  test('410 ends it at once', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_, response) => response.writeHead(410).end());
    await endJobs(fixture, 1, receiver.url);
    await fixture.run();
    await fixture.clock.advance(100 * hour);
    await fixture.run();
    expect(receiver.seen).toHaveLength(1);
    expect(await statesOf(fixture)).toEqual([{ state: 'failed', attempts: 1, last_status: 410 }]);
  });

  test.each([
    ['retry-after in seconds', () => '1800', 30 * minute],
    ['retry-after as a date', (now: number) => new Date(now + 20 * minute).toUTCString(), 20 * minute],
    ['none', () => undefined, 5_000],
  ])('%s is waited for', async (_, header, wait) => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_request, response) => {
      const after = header(fixture.clock.now());
      response.writeHead(503, after === undefined ? {} : { 'retry-after': after }).end();
    });
    await endJobs(fixture, 1, receiver.url);
    await fixture.run();
    const { deliveries } = await fixture.deliveries.list({ limit: 1 });
    expect(Date.parse(deliveries[0]?.next_at ?? '') - fixture.clock.now()).toBe(wait);
  });

  test('a redirect is none that is followed', async () => {
    const fixture = createDeliveriesFixture();
    const other = await startReceiver((_, response) => response.end());
    const receiver = await startReceiver((_, response) => response.writeHead(302, { location: other.url }).end());
    await endJobs(fixture, 1, receiver.url);
    await fixture.run();
    expect(other.seen).toEqual([]);
    expect(await statesOf(fixture)).toEqual([{ state: 'pending', attempts: 1, last_status: 302 }]);
  });

  test('a private address is given up at once, and nobody is connected to', async () => {
    const fixture = createDeliveriesFixture({ allowPrivateCallbacks: false });
    const receiver = await startReceiver((_, response) => response.end());
    await endJobs(fixture, 1, receiver.url);
    await fixture.run();
    expect(receiver.seen).toEqual([]);
    const { deliveries } = await fixture.deliveries.list({ limit: 1 });
    expect(deliveries[0]).toMatchObject({
      state: 'failed',
      attempts: 1,
      last_error: expect.stringContaining('public'),
    });
  });

  test('is an alert once it was given up, until something comes through', async () => {
    const fixture = createDeliveriesFixture();
    let status = 410;
    const receiver = await startReceiver((_, response) => response.writeHead(status).end());
    await endJobs(fixture, 3, `${receiver.url}/secret-path`);
    await fixture.run();
    const { service } = fixture.store;
    const [alert, ...more] = await service.listAlerts({ openOnly: true, limit: 10 });
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ name: 'delivery_failing', subject: receiver.url });
    expect(JSON.stringify(alert)).not.toContain('secret-path');
    status = 200;
    const { deliveries } = await fixture.deliveries.list({ limit: 1 });
    await fixture.deliveries.redeliver(deliveries[0]?.delivery_id ?? 0);
    await fixture.run();
    expect(await service.listAlerts({ openOnly: true, limit: 10 })).toEqual([]);
  });
});

describe('sending again', () => {
  test('has the same id, and all its time', async () => {
    const fixture = createDeliveriesFixture();
    let status = 410;
    const receiver = await startReceiver((_, response) => response.writeHead(status).end());
    await endJobs(fixture, 1, receiver.url);
    await fixture.run();
    await fixture.clock.advance(1_000 * hour);
    const { deliveries } = await fixture.deliveries.list({ limit: 1, state: 'failed' });
    const id = deliveries[0]?.delivery_id ?? 0;
    status = 500;
    await fixture.deliveries.redeliver(id);
    await fixture.run();
    const details = await fixture.deliveries.get(id);
    expect(details).toMatchObject({ state: 'pending', attempts: 2 });
    expect(Date.parse(details.next_at ?? '') - fixture.clock.now()).toBe(5_000);
    status = 200;
    await fixture.clock.advance(5_000);
    await fixture.run();
    expect(await fixture.deliveries.get(id)).toMatchObject({ state: 'delivered', attempts: 3 });
    expect(new Set(idsOf(receiver)).size).toBe(1);
  });

  test('what there is not cannot be looked at, or sent again', async () => {
    const { deliveries } = createDeliveriesFixture();
    await expect(deliveries.get(99)).rejects.toMatchObject({ code: 'not_found' });
    await expect(deliveries.redeliver(99)).rejects.toMatchObject({ code: 'not_found' });
    await expect(deliveries.list({ limit: 10, jobId: 'nonsense' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(deliveries.list({ limit: 10, state: 'lost' })).rejects.toMatchObject({ code: 'usage' });
  });
});

test('the list is by page, by state and by job, and shows no secret of an address', async () => {
  const fixture = createDeliveriesFixture();
  const receiver = await startReceiver((_, response) => response.end());
  const { jobs } = await endJobs(fixture, 5, `${receiver.url}/hook?token=canary`);
  await fixture.run();
  const first = await fixture.deliveries.list({ limit: 3 });
  const rest = await fixture.deliveries.list({ limit: 3, before: first.next_before ?? 0 });
  expect([first.deliveries.length, rest.deliveries.length, rest.next_before]).toEqual([3, 2, null]);
  expect(JSON.stringify([first, rest])).not.toContain('canary');
  const jobId = jobIdOf('creative_scoring', jobs[2] ?? 0);
  const ofJob = await fixture.deliveries.list({ limit: 10, jobId });
  expect(ofJob.deliveries).toMatchObject([{ job_id: jobId, event: 'job.ended', url: `${receiver.url}/hook?...` }]);
  expect((await fixture.deliveries.list({ limit: 10, state: 'pending' })).deliveries).toEqual([]);
});
