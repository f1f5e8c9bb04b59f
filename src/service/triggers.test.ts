import { describe, expect, test } from 'vitest';
import type { BatchApi } from '../provider.ts';
import type { QueueState } from '../service-store.ts';
import type { Settings } from './contract/settings.ts';
import { defaultSettings } from './default-settings.ts';
import { scheduledAt, type Triggers, triggerOf, triggersFor } from './triggers.ts';

const now = Date.parse('2026-11-20T12:00:00Z');
const off: Triggers = { schedule: false, count: null, age_minutes: null, full: false };

function queue(change: Partial<QueueState> = {}): QueueState {
  return {
    runId: 'run-1',
    queue: 'creative_scoring',
    provider: 'openai',
    held: 3,
    priorities: [{ priority: 5, jobs: 3 }],
    bytes: 3_000,
    oldestAt: now - 10 * 60_000,
    simulated: false,
    ...change,
  };
}

function batchApi(maxRequests: number, maxBytes: number): BatchApi {
  const missing = () => {
    throw new Error('not asked for');
  };
  return {
    limits: { maxRequests, maxBytes, pollMinMs: 1, pollMaxMs: 1, absentListings: 1, absentGraceMs: 1 },
    proof: 'carried',
    lineBytes: (bodyBytes, customId) => bodyBytes + customId.length + 77,
    create: missing,
    get: missing,
    list: missing,
    results: missing,
    cancel: missing,
  };
}

describe('which triggers a queue has', () => {
  const settings: Settings = {
    ...defaultSettings,
    triggers: { ...off, schedule: true, count: 10 },
    queue_triggers: {
      '*:openai': { count: 20, full: true },
      creative_scoring: { count: null, age_minutes: 30 },
      'creative_scoring:openai': { age_minutes: 5 },
    },
  };

  test('the most particular that is set, each by itself', () => {
    expect(triggersFor(settings, 'creative_scoring', 'openai')).toEqual({
      schedule: true,
      count: null,
      age_minutes: 5,
      full: true,
    });
    expect(triggersFor(settings, 'creative_scoring', 'gemini')).toEqual({ ...off, schedule: true, age_minutes: 30 });
    expect(triggersFor(settings, 'bulk_prediction', 'openai')).toEqual({
      ...off,
      schedule: true,
      count: 20,
      full: true,
    });
    expect(triggersFor(settings, 'bulk_prediction', 'gemini')).toEqual({ ...off, schedule: true, count: 10 });
  });

  test('a name out of an object is no override', () => {
    expect(triggersFor(settings, 'constructor', '__proto__')).toEqual(settings.triggers);
  });

  test('without settings: at night, and when a batch is full', () => {
    expect(triggersFor(defaultSettings, 'creative_scoring', 'openai')).toEqual({ ...off, schedule: true, full: true });
  });
});

describe('when a queue is sent', () => {
  const openai = batchApi(50_000, 200_000_000);

  test('by count', () => {
    expect(triggerOf(queue({ held: 9 }), { ...off, count: 10 }, openai, now)).toBeUndefined();
    expect(triggerOf(queue({ held: 10 }), { ...off, count: 10 }, openai, now)).toBe('count');
  });

  test('by the age of the oldest', () => {
    expect(triggerOf(queue(), { ...off, age_minutes: 10.01 }, openai, now)).toBeUndefined();
    expect(triggerOf(queue(), { ...off, age_minutes: 10 }, openai, now)).toBe('age');
  });

  test('when it fills a batch, by requests or by bytes with what stands around them', () => {
    const full = { ...off, full: true };
    expect(triggerOf(queue({ held: 49_999 }), full, openai, now)).toBeUndefined();
    expect(triggerOf(queue({ held: 50_000 }), full, openai, now)).toBe('full');
    expect(triggerOf(queue({ held: 3, bytes: 699 }), full, batchApi(1_000, 1_000), now)).toBeUndefined();
    expect(triggerOf(queue({ held: 3, bytes: 700 }), full, batchApi(1_000, 1_000), now)).toBe('full');
    expect(triggerOf(queue({ held: 50_000 }), full, undefined, now)).toBeUndefined();
  });

  test('never while every trigger is off, or when it is empty', () => {
    expect(triggerOf(queue({ held: 1e6, bytes: 1e12, oldestAt: 0 }), off, openai, now)).toBeUndefined();
    expect(
      triggerOf(queue({ held: 0 }), { ...off, count: 1, age_minutes: 1, full: true }, openai, now),
    ).toBeUndefined();
  });
});

test('the schedule sends what was there at its moment', () => {
  const moment = { at: now, day: 0 };
  const older = queue({ runId: 'older', oldestAt: now });
  const newer = queue({ runId: 'newer', oldestAt: now + 1 });
  const apart = queue({ runId: 'apart', provider: 'gemini', oldestAt: now - 1 });
  const sent = scheduledAt(moment, [older, newer, apart, queue({ held: 0 })], ({ provider }) => ({
    ...off,
    schedule: provider === 'openai',
  }));
  expect(sent).toEqual([older]);
});
