import { describe, expect, test } from 'vitest';
import { isOffpeakError } from '../errors.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import type { SettingsChange } from './contract/settings.ts';
import { defaultSettings } from './default-settings.ts';
import { checkPublicUrl } from './public-address.ts';
import { createSettingsStore, seenWithinMs } from './settings-store.ts';

function setup(stored: Record<string, unknown> = {}) {
  const values = new Map<string, unknown>(Object.entries(stored));
  const clock = createFakeClock();
  const unreadable: string[] = [];
  const writes: string[][] = [];
  let reads = 0;
  const connect = () =>
    createSettingsStore({
      serviceStore: {
        getSettings: async () => {
          reads += 1;
          return new Map([...values].map(([name, value]) => [name, JSON.parse(JSON.stringify(value))]));
        },
        changeSettings: async (change) => {
          const changed = change(new Map(values));
          writes.push([...changed.keys()]);
          for (const [name, value] of changed) values.set(name, value);
          return new Map(values);
        },
      },
      clock,
      problemWithUrl: (url) => checkPublicUrl(url, { allowPrivate: false }),
      onUnreadable: (name) => unreadable.push(name),
    });
  return { values, clock, connect, unreadable, writes: () => writes, reads: () => reads };
}

async function problemOf(change: unknown): Promise<string> {
  const { connect, values } = setup();
  try {
    await connect().change(() => change as SettingsChange);
  } catch (error) {
    if (!isOffpeakError(error, 'usage')) throw error;
    expect(values.size).toBe(0);
    return error.message;
  }
  throw new Error('it was taken');
}

test('without any: the defaults', async () => {
  const { connect } = setup();
  expect(await connect().get()).toEqual({
    settings: defaultSettings,
    schedule: { time: '02:00', timeZone: 'UTC' },
  });
});

test('a change is durable, and replaces only what it names', async () => {
  const { connect } = setup();
  const changed = await connect().change(() => ({
    daily_report: false,
    queue_triggers: { creative_scoring: { count: 10 } },
  }));
  const expected = { ...defaultSettings, daily_report: false, queue_triggers: { creative_scoring: { count: 10 } } };
  expect(changed.settings).toEqual(expected);
  expect((await connect().get()).settings).toEqual(expected);
});

test('models stand before those that are built in, and hide none of the others', async () => {
  const { connect } = setup();
  await connect().change(() => ({
    default_models: { 'creative_scoring:openai': 'gpt-4o', 'creative_scoring:groq': 'llama' },
  }));
  expect((await connect().get()).settings.default_models).toEqual({
    ...defaultSettings.default_models,
    'creative_scoring:openai': 'gpt-4o',
    'creative_scoring:groq': 'llama',
  });
});

test('another process sees a change soon, and reads no more often than that', async () => {
  const { connect, clock, reads } = setup();
  const here = connect();
  const there = connect();
  await there.get();
  await here.change(() => ({ daily_report: false }));
  expect((await here.get()).settings.daily_report).toBe(false);
  const before = reads();
  for (let at = 0; at < 1_000; at += 1) expect((await there.get()).settings.daily_report).toBe(true);
  expect(reads()).toBe(before);
  clock.jump(seenWithinMs);
  const both = await Promise.all([there.get(), there.get()]);
  expect(both.map(({ settings }) => settings.daily_report)).toEqual([false, false]);
  expect(reads()).toBe(before + 1);
});

test('a change is decided on what is set, not on what was read before', async () => {
  const { connect } = setup();
  const here = connect();
  const there = connect();
  const schedule = { enabled: true, time: '23:00', time_zone: 'Europe/Berlin' };
  await here.get();
  await there.change(() => ({ schedule }));
  // The other process does not know of it yet.
  expect((await here.get()).settings.schedule).toEqual(defaultSettings.schedule);
  const changed = await here.change((now) => ({ schedule: { ...now.schedule, enabled: false } }));
  expect(changed.settings.schedule).toEqual({ ...schedule, enabled: false });
});

test('several names are changed in one transaction', async () => {
  const { connect, writes } = setup();
  const schedule = { ...defaultSettings.schedule, enabled: false };
  await connect().change(() => ({
    schedule,
    daily_report: false,
    triggers: { ...defaultSettings.triggers, count: 7 },
  }));
  expect(writes()).toEqual([['schedule', 'triggers', 'daily_report']]);
});

test('the schedule counts from its last change on, not from a repetition', async () => {
  const { connect, clock } = setup();
  const settings = connect();
  const schedule = { enabled: true, time: '23:00', time_zone: 'Europe/Berlin' };
  const first = clock.now();
  expect((await settings.change(() => ({ schedule }))).schedule).toEqual({
    time: '23:00',
    timeZone: 'Europe/Berlin',
    since: first,
  });
  clock.jump(60_000);
  expect((await settings.change(() => ({ schedule, daily_report: false }))).schedule.since).toBe(first);
  expect((await settings.change(() => ({ schedule: { ...schedule, enabled: false } }))).schedule.since).toBe(
    first + 60_000,
  );
  clock.jump(60_000);
  const again = await settings.change(() => ({ schedule }));
  expect(again.schedule.since).toBe(first + 120_000);
  expect(again.settings.schedule).toEqual(schedule);
  // As it stands by default, it was never changed.
  const other = setup().connect();
  expect((await other.change(() => ({ schedule: defaultSettings.schedule }))).schedule.since).toBeUndefined();
});

test('what is stored and cannot be read gives way to its default, alone', async () => {
  const { connect, unreadable } = setup({
    schedule: { enabled: true, time: '25:00', time_zone: 'UTC' },
    daily_report: false,
    something_newer: 1,
  });
  const { settings } = await connect().get();
  expect(settings).toEqual({ ...defaultSettings, daily_report: false });
  expect(unreadable).toEqual(['schedule']);
});

describe('what cannot be is refused by name, and nothing of it is kept', () => {
  test.each([
    [
      { daily_report: false, schedule: { enabled: true, time: '24:00', time_zone: 'UTC' } },
      'schedule.time: must be HH:MM',
    ],
    [
      { schedule: { enabled: true, time: '02:00', time_zone: 'Europe/Atlantis' } },
      'schedule.time_zone: must be an IANA',
    ],
    [{ schedule: { enabled: true, time: '02:00' } }, 'schedule.time_zone'],
    [{ nightly: true }, 'unknown setting nightly'],
    [{ triggers: { ...defaultSettings.triggers, counts: 3 } }, 'unknown setting triggers.counts'],
    [{ triggers: { ...defaultSettings.triggers, count: 0 } }, 'triggers.count'],
    [{ queue_triggers: { ctr_prediction: { count: 3 } } }, 'queue_triggers.ctr_prediction'],
    [{ queue_triggers: { '*': { count: 3 } } }, 'queue_triggers.*'],
    [{ queue_triggers: { 'creative_scoring:': { count: 3 } } }, 'queue_triggers.creative_scoring:'],
    [{ default_models: { creative_scoring: 'gpt-4o' } }, 'default_models.creative_scoring'],
    [{ default_models: { 'creative_scoring:openai': '' } }, 'default_models.creative_scoring:openai'],
    [{ webhooks: [{ url: 'file:///etc/passwd', events: ['run.ended'] }] }, 'webhooks.0.url: must be an http'],
    [{ webhooks: [{ url: 'https://user:word@example.com', events: ['run.ended'] }] }, 'webhooks.0.url: must hold no'],
    [{ webhooks: [{ url: 'http://10.0.0.1/x', events: ['run.ended'] }] }, 'webhooks.0.url: '],
    [{ alert_channels: [{ type: 'slack', url: 'javascript:alert(1)' }] }, 'alert_channels.0.url: must be an http'],
    [null, 'the change'],
  ])('%j: %s', async (change, words) => expect(await problemOf(change)).toContain(words));
});
