import { describe, expect, test } from 'vitest';
import { batchDetails } from '../contract/batches.ts';
import { alert as alertShape } from '../contract/overview.ts';
import { runSummary } from '../contract/runs.ts';
import type { Settings } from '../contract/settings.ts';
import { endBatch, enqueueJobs, moveBatch, runQueue, sendRun } from '../sent-queue-fixtures.ts';
import { createDeliveriesFixture, type DeliveriesFixture, startReceiver, verified } from './deliveries-fixtures.ts';

interface Told {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

const stale = {
  name: 'stale_batch',
  subject: 'openai_1',
  severity: 'warning',
  title: 'Batch openai_1 is slow <!channel>',
  message: 'It & its jobs wait.',
} as const;

async function subscribed(events: Settings['webhooks'][number]['events']) {
  const fixture = createDeliveriesFixture();
  const receiver = await startReceiver((_, response) => response.end());
  fixture.settings.webhooks = [{ url: `${receiver.url}/hook`, events }];
  // From here on events are told.
  await fixture.run();
  const told = async (): Promise<Told[]> => {
    await fixture.run();
    const secret = await fixture.deliveries.signingSecret();
    return receiver.seen.map((request) => verified(secret, request) as Told);
  };
  return { fixture, receiver, told };
}

const sendQueue = (fixture: DeliveriesFixture) => {
  const at = fixture.clock.now();
  return runQueue(fixture.store, 2, { at, endAt: at, ending: { failed: 1 } });
};

describe('webhooks of the settings', () => {
  test('are told of what they asked for, once', async () => {
    const { fixture, told } = await subscribed(['run.ended', 'batch.completed', 'alert.raised']);
    const { runId } = await sendQueue(fixture);
    await fixture.store.service.raiseAlert(stale, fixture.clock.now());
    await fixture.store.service.resolveAlert(stale.name, stale.subject, fixture.clock.now());
    const all = await told();
    expect(all.map(({ type }) => type).sort()).toEqual(['alert.raised', 'batch.completed', 'run.ended']);
    expect(await told()).toHaveLength(3);
    const dataOf = (type: string) => all.find((each) => each.type === type)?.data;
    expect(runSummary.strict().parse(dataOf('run.ended'))).toMatchObject({ run_id: runId, state: 'ended' });
    expect(batchDetails.strict().parse(dataOf('batch.completed'))).toMatchObject({ succeeded: 1, failed: 1 });
    expect(alertShape.strict().parse(dataOf('alert.raised'))).toMatchObject({ type: 'stale_batch' });
  });

  test('batch.failed and alert.resolved', async () => {
    const { fixture, told } = await subscribed(['batch.failed', 'alert.resolved']);
    const now = fixture.clock.now();
    const { runId } = await enqueueJobs(fixture.store, 1, { at: now });
    const { lease } = await sendRun(fixture.store, runId, { at: now });
    await moveBatch(fixture.store, lease, ['failed'], now);
    await fixture.store.service.raiseAlert(stale, now);
    await fixture.store.service.resolveAlert(stale.name, stale.subject, now);
    const all = await told();
    expect(all.map(({ type }) => type).sort()).toEqual(['alert.resolved', 'batch.failed']);
    expect(all.find(({ type }) => type === 'alert.resolved')?.data.resolved_at).toBe(new Date(now).toISOString());
  });

  test('a run is told of where its sender asked for it, and once to who asked twice', async () => {
    const { fixture, receiver, told } = await subscribed(['run.ended']);
    const { store, clock } = fixture;
    const at = clock.now();
    const asked = await enqueueJobs(store, 2, { at });
    for (const path of ['/hook', '/mine']) await store.service.release(asked.runId, 1, `${receiver.url}${path}`);
    await endBatch(store, await sendRun(store, asked.runId, { at }), { at });
    await store.updateRun(asked.runId, { state: 'ended' }, at);
    await sendQueue(fixture);
    const all = await told();
    expect(receiver.seen.map(({ path }) => path).sort()).toEqual(['/hook', '/hook', '/mine']);
    const mine = all[receiver.seen.findIndex(({ path }) => path === '/mine')];
    expect(runSummary.strict().parse(mine?.data)).toMatchObject({ run_id: asked.runId, state: 'ended' });
  });

  test('`*` is everything', async () => {
    const { fixture, told } = await subscribed(['*']);
    await sendQueue(fixture);
    expect((await told()).map(({ type }) => type).sort()).toEqual(['batch.completed', 'run.ended']);
  });

  test('what happened before there was anybody to tell is not told', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_, response) => response.end());
    fixture.settings.webhooks = [{ url: receiver.url, events: ['*'] }];
    await sendQueue(fixture);
    await fixture.run();
    await fixture.run();
    expect(receiver.seen).toEqual([]);
  });

  test('two processes plan each event once', async () => {
    const { fixture, receiver } = await subscribed(['run.ended']);
    for (let i = 0; i < 5; i++) await sendQueue(fixture);
    const others = [fixture.another(), fixture.another(), fixture.another()];
    await Promise.all([fixture.run(), ...others.map((each) => fixture.run(each))]);
    expect(receiver.seen).toHaveLength(5);
  });

  test('more events than one transaction plans are all told', async () => {
    const { fixture, receiver, told } = await subscribed(['alert.raised']);
    for (let i = 0; i < 250; i++) {
      await fixture.store.service.raiseAlert({ ...stale, subject: `openai_${i}` }, fixture.clock.now());
    }
    await told();
    expect(receiver.seen).toHaveLength(250);
  });

  test('an address in the list of deliveries is shown without its path: it is often a secret', async () => {
    const { fixture, receiver, told } = await subscribed(['run.ended']);
    await sendQueue(fixture);
    await told();
    const { deliveries } = await fixture.deliveries.list({ limit: 10 });
    expect(deliveries.map(({ url, event }) => [url, event])).toEqual([[`${receiver.url}/...`, 'run.ended']]);
  });
});

describe('channels of alerts', () => {
  test('chat, signed webhook and mail: raised and resolved, once each', async () => {
    const mails: unknown[] = [];
    const fixture = createDeliveriesFixture({ mailer: { send: async (mail) => void mails.push(mail) } });
    const chat = await startReceiver((_, response) => response.end('ok'));
    const hook = await startReceiver((_, response) => response.end());
    fixture.settings.alert_channels = [
      { type: 'slack', url: `${chat.url}/services/T0/B0/X` },
      { type: 'webhook', url: hook.url },
      { type: 'email', to: ['ops@example.com', 'lead@example.com'] },
    ];
    await fixture.run();
    await fixture.store.service.raiseAlert(stale, fixture.clock.now());
    await fixture.store.service.raiseAlert({ ...stale, message: 'It still waits.' }, fixture.clock.now());
    await fixture.run();
    await fixture.store.service.resolveAlert(stale.name, stale.subject, fixture.clock.now());
    await fixture.run();
    await fixture.run();
    expect(chat.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { text: '*Warning: Batch openai_1 is slow &lt;!channel&gt;*\nIt still waits.' },
      { text: '*Resolved: Batch openai_1 is slow &lt;!channel&gt;*\nIt still waits.' },
    ]);
    const secret = await fixture.deliveries.signingSecret();
    expect(hook.seen.map((request) => (verified(secret, request) as Told).type)).toEqual([
      'alert.raised',
      'alert.resolved',
    ]);
    expect(mails).toHaveLength(4);
    expect(mails).toContainEqual({
      to: 'lead@example.com',
      subject: '[Offpeak] Resolved: Batch openai_1 is slow <!channel>',
      text: 'It still waits.',
    });
  });

  test('a mail that is not taken is tried again, and is on record', async () => {
    let broken = true;
    const mails: unknown[] = [];
    const fixture = createDeliveriesFixture({
      mailer: {
        send: async (mail) => {
          if (broken) throw Object.assign(new Error('auth canary failed'), { code: 'EAUTH', responseCode: 535 });
          mails.push(mail);
        },
      },
    });
    fixture.settings.alert_channels = [{ type: 'email', to: ['ops@example.com'] }];
    await fixture.run();
    await fixture.store.service.raiseAlert(stale, fixture.clock.now());
    await fixture.run();
    const { deliveries } = await fixture.deliveries.list({ limit: 10 });
    expect(deliveries).toMatchObject([
      { state: 'pending', url: 'mailto:ops@example.com', last_error: 'the mail server did not take it (EAUTH 535)' },
    ]);
    broken = false;
    await fixture.clock.advance(5_000);
    await fixture.run();
    expect(mails).toHaveLength(1);
  });

  test('without a mail server a mail fails at once, and says so', async () => {
    const fixture = createDeliveriesFixture();
    fixture.settings.alert_channels = [{ type: 'email', to: ['ops@example.com'] }];
    await fixture.run();
    await fixture.store.service.raiseAlert(stale, fixture.clock.now());
    await fixture.run();
    const { deliveries } = await fixture.deliveries.list({ limit: 10, state: 'failed' });
    expect(deliveries.at(-1)?.last_error).toBe('no mail server is configured');
    // The alert about that goes the same way, and raises no other.
    await fixture.run();
    await fixture.run();
    expect((await fixture.deliveries.list({ limit: 10 })).deliveries).toHaveLength(2);
  });
});
