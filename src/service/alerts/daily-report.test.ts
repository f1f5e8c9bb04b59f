import { expect, test } from 'vitest';
import { hour, runQueue } from '../sent-queue-fixtures.ts';
import { createAlertsFixture, dutyOf } from './alerts-fixtures.ts';

const day = 24 * hour;
const signal = new AbortController().signal;

async function reporting() {
  const fixture = createAlertsFixture();
  fixture.settings.alert_channels = [
    { type: 'slack', url: 'https://chat.example.com/x' },
    { type: 'webhook', url: 'https://hooks.example.com/y' },
    { type: 'email', to: ['ops@example.com'] },
  ];
  fixture.settings.schedule = { enabled: false, time: '02:00', time_zone: 'Europe/Berlin' };
  const report = (alerts = fixture.alerts) => dutyOf(alerts, 'daily_report').run(signal);
  const sent = async () => (await fixture.store.service.listDeliveries({ limit: 100 })).toReversed();
  // The first look only notes the day.
  await report();
  return { fixture, report, sent };
}

test('is sent once a day at the time of the schedule, by whichever process, of the day that is over', async () => {
  const { fixture, report, sent } = await reporting();
  expect(await sent()).toEqual([]);
  await runQueue(fixture.store, 4, { at: fixture.clock.now(), ending: { failed: 1 } });
  // 02:00 in Berlin is 01:00 UTC in winter.
  await fixture.clock.advance(Date.UTC(2026, 10, 21, 1) - fixture.clock.now() - 1);
  await report();
  expect(await sent()).toEqual([]);
  await fixture.clock.advance(1);
  await Promise.all([report(), report(fixture.another()), report(fixture.another())]);
  await report();
  const deliveries = await sent();
  expect(deliveries.map(({ event, url }) => [event, url])).toEqual([
    ['report.daily', 'https://chat.example.com/x'],
    ['report.daily', 'https://hooks.example.com/y'],
    ['report.daily', 'mailto:ops@example.com'],
  ]);
  const [chat, hook, mail] = deliveries.map(({ body }) => JSON.parse(body ?? ''));
  expect(chat.text).toContain('Report of 2026-11-20');
  expect(chat.text).toContain('Success rate: 75 %');
  expect(hook).toMatchObject({
    type: 'report.daily',
    data: {
      period: { start: '2026-11-20T00:00:00.000Z', end: '2026-11-21T00:00:00.000Z', days: 1 },
      metrics: { total_jobs: 4, success_rate: 75 },
    },
  });
  expect(mail.subject).toBe('[Offpeak] Report of 2026-11-20 (simulated)');
  await fixture.clock.advance(day);
  await report();
  expect(await sent()).toHaveLength(6);
});

test('after days of downtime one is sent, not one for each day', async () => {
  const { fixture, report, sent } = await reporting();
  await fixture.clock.advance(5 * day);
  await report();
  await report();
  expect(await sent()).toHaveLength(3);
});

test('is not sent when it is switched off, or there is nobody to send it to', async () => {
  const { fixture, report, sent } = await reporting();
  fixture.settings.daily_report = false;
  await fixture.clock.advance(2 * day);
  await report();
  fixture.settings.daily_report = true;
  fixture.settings.alert_channels = [];
  await report();
  expect(await sent()).toEqual([]);
});
