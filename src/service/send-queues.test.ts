import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test, vi } from 'vitest';
import type { Clock } from '../clock.ts';
import type { SqliteStore } from '../stores/sqlite/sqlite-store.ts';
import type { SettingsChange } from './contract/settings.ts';
import { defaultSettings } from './default-settings.ts';
import { openStore, queuedJob, seededRandom, storeFolder } from './queue-fixtures.ts';
import { createQueueGauge } from './queue-gauge.ts';
import { createQueueSender, type QueueSender } from './send-queues.ts';
import { createSettingsStore, type SettingsStore } from './settings-store.ts';

vi.setConfig({ testTimeout: 60_000 });

const hour = 3_600_000;
const day = 24 * hour;

interface Sent {
  at: number;
  trigger: unknown;
  runId: string;
  dueAt: unknown;
}

/** A process: its own connection, its own memory. */
interface Worker {
  store: SqliteStore;
  sender: QueueSender;
  settings: SettingsStore;
}

function createWorld(start: number) {
  const folder = storeFolder();
  let now = start;
  const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };
  const sent: Sent[] = [];
  const begin = (store = openStore(folder, { now: clock.now })): Worker => {
    const settings = createSettingsStore({ serviceStore: store.service, clock, problemWithUrl: () => undefined });
    const sender = createQueueSender({
      serviceStore: store.service,
      settings,
      providers: new Map(),
      gauge: createQueueGauge(),
      clock,
      log: (_, __, fields) =>
        sent.push({ at: now, trigger: fields?.trigger, runId: String(fields?.run_id), dueAt: fields?.due_at }),
      onWork: () => {},
    });
    return { store, sender, settings };
  };
  return {
    begin,
    sent,
    /** The days that the store holds as done. */
    marks: () => {
      const database = new DatabaseSync(join(folder, 'offpeak.db'), { readOnly: true });
      const rows = database.prepare("SELECT due_at FROM schedule_marks WHERE name = 'nightly' ORDER BY due_at").all();
      database.close();
      return rows.map((row) => new Date(Number(row.due_at)).toISOString().slice(0, 10));
    },
    now: () => now,
    moveTo: (at: number) => {
      now = Math.max(now, at);
    },
    queue: async ({ store }: Worker, change = {}) => {
      const [job] = await store.service.enqueue([queuedJob(change)], now);
      if (job?.type !== 'queued') throw new Error('it was not queued');
      return job.runId;
    },
  };
}

const schedule = (time: string, time_zone: string): SettingsChange => ({
  schedule: { enabled: true, time, time_zone },
});

const start = Date.parse('2026-11-20T12:00:00Z');

describe('the schedule', () => {
  test('sends what was there at its moment, and marks the day', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    const first = await world.queue(worker);
    const other = await world.queue(worker, { provider: 'gemini' });
    await worker.sender.send();
    expect(world.sent).toEqual([]);
    world.moveTo(Date.parse('2026-11-21T02:00:01Z'));
    const late = await world.queue(worker, { queue: 'bulk_prediction' });
    await worker.sender.send();
    expect(world.sent.map(({ runId }) => runId).sort()).toEqual([first, other].sort());
    for (const { trigger, dueAt } of world.sent)
      expect([trigger, dueAt]).toEqual(['schedule', '2026-11-21T02:00:00.000Z']);
    await worker.sender.send();
    expect(world.sent).toHaveLength(2);
    expect((await worker.store.getRun(first))?.state).toBe('running');
    expect((await worker.store.getRun(late))?.state).toBe('open');
    // The next job of a sent queue makes a new run.
    expect(await world.queue(worker)).not.toBe(first);
  });

  test('a first start sends nothing for moments before it', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    await worker.sender.send();
    await world.queue(worker);
    await worker.sender.send();
    world.moveTo(Date.parse('2026-11-21T01:59:59Z'));
    await worker.sender.send();
    expect(world.sent).toEqual([]);
    expect(await worker.sender.nextScheduled()).toBe(Date.parse('2026-11-21T02:00:00Z'));
  });

  test('a missed moment is made up for at the next start, once', async () => {
    const world = createWorld(start);
    const before = world.begin();
    const runId = await world.queue(before);
    await before.store.close();
    world.moveTo(Date.parse('2026-11-24T09:00:00Z'));
    const [a, b] = [world.begin(), world.begin()];
    await Promise.all([a.sender.send(), b.sender.send()]);
    expect(world.sent).toEqual([{ at: world.now(), trigger: 'schedule', runId, dueAt: '2026-11-24T02:00:00.000Z' }]);
    await world.queue(a);
    await Promise.all([a.sender.send(), b.sender.send()]);
    expect(world.sent).toHaveLength(1);
  });

  test('is off for a queue, or for all', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    await worker.settings.change(() => ({ queue_triggers: { '*:gemini': { schedule: false } } }));
    await world.queue(worker, { provider: 'gemini' });
    world.moveTo(start + day);
    await worker.sender.send();
    expect(world.sent).toEqual([]);
    await worker.settings.change(() => ({ schedule: { ...defaultSettings.schedule, enabled: false } }));
    await world.queue(worker);
    world.moveTo(start + 3 * day);
    await worker.sender.send();
    expect(world.sent).toEqual([]);
    expect(await worker.sender.nextScheduled()).toBeUndefined();
    // Switched on again: the moments in between do not count.
    await worker.settings.change(() => ({ schedule: defaultSettings.schedule, queue_triggers: {} }));
    await worker.sender.send();
    expect(world.sent).toEqual([]);
    world.moveTo(start + 4 * day);
    await worker.sender.send();
    expect(world.sent).toHaveLength(2);
  });

  test('changed in the course of the day sends no day twice, and none at once', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    await world.queue(worker);
    world.moveTo(Date.parse('2026-11-21T02:00:00Z'));
    await worker.sender.send();
    expect(world.sent).toHaveLength(1);
    const look = async (at: string) => {
      await world.queue(worker);
      world.moveTo(Date.parse(at));
      // With nothing in its memory: what it may do stands in the store.
      await world.begin(worker.store).sender.send();
      return world.sent.length;
    };
    await worker.settings.change(() => schedule('10:00', 'UTC'));
    expect(await look('2026-11-21T11:00:00Z')).toBe(1);
    await worker.settings.change(() => schedule('09:00', 'Pacific/Pago_Pago'));
    // 20:00 UTC: it is the 21st there too.
    expect(await look('2026-11-21T21:00:00Z')).toBe(1);
    await worker.settings.change(() => schedule('02:00', 'UTC'));
    expect(await look('2026-11-22T01:59:59Z')).toBe(1);
    expect(await look('2026-11-22T02:00:00Z')).toBe(2);
  });

  test('a mark of a wrong clock stops nothing, and no day is sent twice under it', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    await worker.store.service.sealQueues([], start, { name: 'nightly', dueAt: Date.parse('2027-11-20T00:00:00Z') });
    await world.queue(worker);
    world.moveTo(start + day);
    await worker.sender.send();
    expect(world.sent).toHaveLength(1);
    await world.queue(worker);
    await Promise.all([worker.sender.send(), world.begin().sender.send()]);
    expect(world.sent).toHaveLength(1);
  });
});

describe('the other triggers', () => {
  test('count, age and full, by queue', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    await worker.settings.change(() => ({
      queue_triggers: { creative_scoring: { count: 3 }, 'bulk_prediction:gemini': { age_minutes: 5 } },
    }));
    const counted = await world.queue(worker);
    await world.queue(worker);
    const aged = await world.queue(worker, { queue: 'bulk_prediction', provider: 'gemini' });
    await worker.sender.send();
    expect(world.sent).toEqual([]);
    await world.queue(worker);
    await worker.sender.send();
    world.moveTo(start + 5 * 60_000);
    await worker.sender.send();
    await worker.sender.send();
    expect(world.sent.map(({ runId, trigger }) => [runId, trigger])).toEqual([
      [counted, 'count'],
      [aged, 'age'],
    ]);
  });

  test('two processes that see the same queue send it once', async () => {
    const world = createWorld(start);
    const [a, b] = [world.begin(), world.begin()];
    await a.settings.change(() => ({ triggers: { ...defaultSettings.triggers, count: 1 } }));
    await world.queue(a);
    await Promise.all([a.sender.send(), b.sender.send()]);
    expect(world.sent).toHaveLength(1);
  });

  test('what is queued here tells when a look is worth it', async () => {
    const world = createWorld(start);
    const worker = world.begin();
    const current = await worker.settings.change(() => ({ triggers: { ...defaultSettings.triggers, count: 3 } }));
    const jobs = { jobType: 'creative_scoring', provider: 'openai', count: 1, bytes: 10 };
    const reached = () => worker.sender.isReached(jobs, current);
    expect([reached(), reached(), reached()]).toEqual([false, false, true]);
    // The store says what is really there.
    await world.queue(worker);
    await worker.sender.send();
    expect([reached(), reached()]).toEqual([false, true]);
  });
});

/**
 * Two years of virtual days: two workers, each of which is down now and then, for up to 20 hours, and begins anew with an
 * empty memory; changes of the clock in both directions. What must come of it is reckoned apart, minute by minute.
 */
describe('two years', () => {
  test.each([
    ['Europe/Berlin', '02:30', 11],
    ['America/New_York', '02:00', 12],
    ['Asia/Kolkata', '02:00', 13],
    // The clock is put forward at midnight.
    ['America/Santiago', '00:00', 14],
    ['Africa/Cairo', '23:30', 15],
  ])('%s at %s: each local day once, none missed', async (timeZone, time, seed) => {
    const random = seededRandom(seed);
    const between = (low: number, high: number) => low + Math.floor(random() * (high - low));
    const from = Date.parse('2026-01-10T12:00:00Z');
    const moments = momentsOf(timeZone, time, from, from + 731 * day);
    const world = createWorld(from);
    const stores = [0, 1].map(() => world.begin().store);
    const workers = stores.map((store) => ({ worker: world.begin(store), downUntil: 0 }));
    await workers[0]?.worker.settings.change(() => schedule(time, timeZone));
    /** When each run's first job was queued. */
    const queued = new Map<string, number>();
    const look = async (at: number) => {
      world.moveTo(at);
      const awake = workers.filter(({ downUntil }) => downUntil <= world.now());
      await Promise.all(awake.map(({ worker }) => worker.sender.send()));
    };

    let last = from;
    for (const moment of moments) {
      // Some jobs on the way, the first of them for certain before the moment.
      for (const at of [between(last + 1, moment), moment, ...(random() < 0.5 ? [moment + 1] : [])]) {
        await look(at - between(0, 30 * 60_000));
        world.moveTo(at);
        const [one] = workers;
        const runId = one && (await world.queue(one.worker));
        if (runId !== undefined && !queued.has(runId)) queued.set(runId, world.now());
      }
      await look(moment + between(0, 5_000));
      for (const [index, state] of workers.entries()) {
        if (random() > 0.15) continue;
        // Down over the next moment, perhaps; it begins with nothing but the store.
        const store = stores[index];
        state.downUntil = world.now() + between(0, 20 * hour);
        if (store) state.worker = world.begin(store);
      }
      last = moment;
    }
    for (const state of workers) state.downUntil = 0;
    await look(last + 23 * hour);

    expect(world.sent.map(({ dueAt }) => Date.parse(String(dueAt)))).toEqual(moments);
    expect(new Set(world.sent.map(({ runId }) => runId)).size).toBe(moments.length);
    expect(world.marks()).toEqual(moments.map((at) => dateIn(timeZone, at)));
    for (const { runId, dueAt, at } of world.sent) {
      expect(queued.get(runId)).toBeLessThanOrEqual(Date.parse(String(dueAt)));
      // Both are down at the same time for 20 hours at most.
      expect(at - Date.parse(String(dueAt))).toBeLessThanOrEqual(21 * hour);
    }
  });
});

function dateIn(timeZone: string, at: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at);
}

/** Apart from `schedule.ts`: the first quarter of an hour of each local date at which the zone's clock is that late. */
function momentsOf(timeZone: string, time: string, from: number, to: number): number[] {
  const quarter = hour / 4;
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const found = new Map<string, number>();
  for (let at = from; at <= to; at += quarter) {
    const [date = '', shown = ''] = clock.format(at).split(' ');
    if (shown >= time && !found.has(date)) found.set(date, at);
  }
  const first = clock.format(from).split(' ')[0] ?? '';
  // The day of the beginning had its moment before, unless it comes late.
  if (clock.format(from).slice(-5) >= time) found.delete(first);
  return [...found.values()];
}
