import { describe, expect, test } from 'vitest';
import { enqueueJobs, hour, sendRun, start } from '../sent-queue-fixtures.ts';
import { createAlertsFixture } from './alerts-fixtures.ts';
import { addSample, growthIn } from './queue-checks.ts';

const slice = hour / 2;

/** The unfinished jobs of each half hour, as the samples of so many hours. */
function samplesOf(hours: number, jobsAt: (hour: number) => number) {
  let samples: [number, number][] = [];
  for (let at = 0; at < hours * hour; at += slice) samples = addSample(samples, start + at, jobsAt(at / hour));
  return samples;
}

describe('jobs that come faster than they are done', () => {
  test('a nightly queue that fills all day and is empty by morning does not grow', () => {
    const jobsAt = (at: number) => (at % 24) * 1_000;
    for (let hours = 1; hours < 96; hours++) {
      expect(growthIn(samplesOf(hours, jobsAt), start + hours * hour, 24 * hour)).toBeUndefined();
    }
  });

  test('one that keeps more each morning does', () => {
    const jobsAt = (at: number) => (at % 24) * 1_000 + Math.floor(at / 24) * 500;
    const found = [];
    for (let hours = 1; hours < 96; hours++) {
      if (growthIn(samplesOf(hours, jobsAt), start + hours * hour, 24 * hour)) found.push(hours);
    }
    // Within two days of the first morning that was worse.
    expect(found[0]).toBeLessThanOrEqual(49);
    expect(found.at(-1)).toBe(95);
  });

  test('one that is sent as it fills is known within hours', () => {
    const growth = growthIn(
      samplesOf(6, (at) => at * 1_000),
      start + 6 * hour,
      3 * hour,
    );
    expect(growth).toMatchObject({ hours: 3, lowestBefore: 0 });
    expect(
      growthIn(
        samplesOf(6, () => 5_000),
        start + 6 * hour,
        3 * hour,
      ),
    ).toBeUndefined();
    expect(
      growthIn(
        samplesOf(6, (at) => 6_000 - at * 1_000),
        start + 6 * hour,
        3 * hour,
      ),
    ).toBeUndefined();
  });

  test('a few jobs more are no growth', () => {
    expect(
      growthIn(
        samplesOf(6, (at) => at * 10),
        start + 6 * hour,
        3 * hour,
      ),
    ).toBeUndefined();
  });

  test('what was not looked at is not judged', () => {
    const samples = samplesOf(6, (at) => at * 1_000).filter(([at]) => at >= start + 5 * hour);
    expect(growthIn(samples, start + 6 * hour, 3 * hour)).toBeUndefined();
  });

  test('the samples do not grow with the time', () => {
    const samples = samplesOf(1_000, (at) => at);
    expect(samples.length).toBeLessThanOrEqual(97);
    expect(JSON.stringify(samples).length).toBeLessThan(3_000);
  });

  test('a look that finds nothing lower writes nothing', () => {
    const samples = addSample([], start, 5);
    expect(addSample(samples, start + 60_000, 7)).toBe(samples);
    expect(addSample(samples, start + 60_000, 3)).toEqual([[start, 3]]);
  });

  test('are an alert, over restarts, until it is done', async () => {
    const fixture = createAlertsFixture();
    fixture.settings.schedule.enabled = false;
    let seen: string[] = [];
    let runId = '';
    for (let halfHours = 0; halfHours < 13; halfHours++) {
      ({ runId } = await enqueueJobs(fixture.store, 40, { at: fixture.clock.now() }));
      // Each time another process looks.
      seen = await fixture.look(fixture.another());
      await fixture.clock.advance(slice);
    }
    expect(seen).toEqual(['queue_growing:']);
    const sent = await sendRun(fixture.store, runId, { at: fixture.clock.now() });
    const { attempts, lease } = sent;
    const at = fixture.clock.now();
    await fixture.store.book(
      attempts.slice(0, 500).map((ref) => ({ ...ref, at, outcome: 'succeeded' as const, next: 'succeeded' as const })),
      lease,
    );
    expect(await fixture.look()).toEqual([]);
  });
});
