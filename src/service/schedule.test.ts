import { describe, expect, test } from 'vitest';
import { localDay, momentDue, nextMoment, type Schedule } from './schedule.ts';

const at = (text: string) => Date.parse(text);
const day = (text: string) => Date.parse(`${text}T00:00:00Z`);
const iso = (moment: { at: number; day: number } | undefined) =>
  moment && `${new Date(moment.at).toISOString()} for ${new Date(moment.day).toISOString().slice(0, 10)}`;

const berlin: Schedule = { time: '02:00', timeZone: 'Europe/Berlin' };

describe('the moment of a day', () => {
  test.each([
    ['Europe/Berlin', '02:00', '2026-11-20T12:00:00Z', '2026-11-20T01:00:00.000Z for 2026-11-20'],
    ['Europe/Berlin', '02:00', '2026-07-20T12:00:00Z', '2026-07-20T00:00:00.000Z for 2026-07-20'],
    ['Europe/Berlin', '02:00', '2026-11-20T00:59:59.999Z', '2026-11-19T01:00:00.000Z for 2026-11-19'],
    ['Europe/Berlin', '02:00', '2026-11-20T01:00:00.000Z', '2026-11-20T01:00:00.000Z for 2026-11-20'],
    // A date of the zone, not of UTC.
    ['Asia/Kolkata', '02:00', '2026-11-20T12:00:00Z', '2026-11-19T20:30:00.000Z for 2026-11-20'],
    ['America/New_York', '23:30', '2026-11-20T12:00:00Z', '2026-11-20T04:30:00.000Z for 2026-11-19'],
    ['UTC', '00:00', '2026-11-20T00:00:00Z', '2026-11-20T00:00:00.000Z for 2026-11-20'],
    // 02:30 does not exist on the day the clock is put forward: the first moment after the gap.
    ['Europe/Berlin', '02:30', '2026-03-29T12:00:00Z', '2026-03-29T01:00:00.000Z for 2026-03-29'],
    ['America/New_York', '02:00', '2026-03-08T12:00:00Z', '2026-03-08T07:00:00.000Z for 2026-03-08'],
    // At midnight.
    ['America/Santiago', '00:00', '2026-09-06T12:00:00Z', '2026-09-06T04:00:00.000Z for 2026-09-06'],
    ['Africa/Cairo', '00:30', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00.000Z for 2026-04-24'],
    // The gap reaches to midnight: nothing of the day is left after it.
    ['America/Nuuk', '23:30', '2026-03-29T12:00:00Z', '2026-03-29T01:00:00.000Z for 2026-03-28'],
    // Half an hour of daylight saving.
    ['Australia/Lord_Howe', '02:15', '2026-10-04T12:00:00Z', '2026-10-03T15:30:00.000Z for 2026-10-04'],
    // A time that exists twice is its first.
    ['Europe/Berlin', '02:30', '2026-10-25T12:00:00Z', '2026-10-25T00:30:00.000Z for 2026-10-25'],
    ['Africa/Cairo', '23:30', '2026-10-30T05:00:00Z', '2026-10-29T20:30:00.000Z for 2026-10-29'],
    // 30 December 2011 was no day in Samoa.
    ['Pacific/Apia', '02:00', '2011-12-30T11:00:00Z', '2011-12-29T12:00:00.000Z for 2011-12-29'],
    ['Pacific/Apia', '02:00', '2011-12-30T12:00:00Z', '2011-12-30T12:00:00.000Z for 2011-12-31'],
  ])('%s %s, seen at %s: %s', (timeZone, time, now, expected) => {
    expect(iso(momentDue({ time, timeZone }, undefined, at(now)))).toBe(expected);
  });

  test('the second of two equal times is not due again', () => {
    const schedule = { time: '02:30', timeZone: 'Europe/Berlin' };
    expect(momentDue(schedule, day('2026-10-25'), at('2026-10-25T01:30:00Z'))).toBeUndefined();
    expect(iso(nextMoment(schedule, day('2026-10-25'), at('2026-10-25T00:30:00Z')))).toBe(
      '2026-10-26T01:30:00.000Z for 2026-10-26',
    );
  });
});

describe('what is due', () => {
  test('nothing, once the day was done', () => {
    expect(momentDue(berlin, day('2026-11-20'), at('2026-11-20T12:00:00Z'))).toBeUndefined();
    expect(iso(momentDue(berlin, day('2026-11-19'), at('2026-11-20T12:00:00Z')))).toContain('for 2026-11-20');
  });

  test('after downtime of days: the latest alone', () => {
    expect(iso(momentDue(berlin, day('2026-11-01'), at('2026-11-20T00:30:00Z')))).toBe(
      '2026-11-19T01:00:00.000Z for 2026-11-19',
    );
  });

  test('nothing from before the schedule was set', () => {
    const since = at('2026-11-20T10:00:00Z');
    const changed = { ...berlin, since };
    expect(momentDue(changed, undefined, at('2026-11-20T12:00:00Z'))).toBeUndefined();
    expect(iso(momentDue(changed, undefined, at('2026-11-21T12:00:00Z')))).toContain('for 2026-11-21');
  });

  test('a mark far ahead was set by a wrong clock, and stops nothing', () => {
    expect(iso(momentDue(berlin, day('2027-11-20'), at('2026-11-20T12:00:00Z')))).toContain('for 2026-11-20');
    expect(iso(nextMoment(berlin, day('2027-11-20'), at('2026-11-20T12:00:00Z')))).toContain('for 2026-11-21');
  });
});

describe('a change at run time sends no day twice', () => {
  const noon = at('2026-11-20T12:00:00Z');
  const done = day('2026-11-20');

  test('to a later time of the same day', () => {
    const changed = { time: '15:00', timeZone: 'Europe/Berlin', since: noon };
    expect(momentDue(changed, done, at('2026-11-20T18:00:00Z'))).toBeUndefined();
    expect(iso(nextMoment(changed, done, noon))).toBe('2026-11-21T14:00:00.000Z for 2026-11-21');
  });

  test('to a time that is past: tomorrow is the next', () => {
    const changed = { time: '02:00', timeZone: 'Europe/Berlin', since: noon };
    const yesterday = day('2026-11-19');
    expect(momentDue(changed, yesterday, at('2026-11-20T18:00:00Z'))).toBeUndefined();
    expect(iso(nextMoment(changed, yesterday, noon))).toBe('2026-11-21T01:00:00.000Z for 2026-11-21');
  });

  test('to a zone where the same date is still to come', () => {
    const changed = { time: '02:00', timeZone: 'Pacific/Pago_Pago', since: noon };
    // 02:00 of the 20th there is 13:00 UTC; the 20th was done.
    expect(momentDue(changed, done, at('2026-11-20T14:00:00Z'))).toBeUndefined();
    expect(iso(nextMoment(changed, done, noon))).toBe('2026-11-21T13:00:00.000Z for 2026-11-21');
  });

  test('to a zone where it is yesterday, after a day that has hardly begun', () => {
    const early = day('2026-11-21');
    const evening = at('2026-11-20T12:30:00Z');
    const changed = { time: '02:00', timeZone: 'Pacific/Pago_Pago', since: evening };
    expect(iso(nextMoment(changed, early, evening))).toBe('2026-11-22T13:00:00.000Z for 2026-11-22');
  });

  test('to a zone where it is tomorrow already', () => {
    const changed = { time: '02:00', timeZone: 'Pacific/Kiritimati', since: at('2026-11-20T11:00:00Z') };
    expect(iso(momentDue(changed, done, at('2026-11-20T13:00:00Z')))).toBe('2026-11-20T12:00:00.000Z for 2026-11-21');
  });
});

test('the next moment is strictly later, also across a gap', () => {
  expect(iso(nextMoment(berlin, undefined, at('2026-11-20T01:00:00Z')))).toContain('for 2026-11-21');
  expect(iso(nextMoment(berlin, undefined, at('2026-11-20T00:59:59Z')))).toContain('for 2026-11-20');
  expect(iso(nextMoment({ time: '23:30', timeZone: 'America/Nuuk' }, undefined, at('2026-03-28T12:00:00Z')))).toBe(
    '2026-03-29T01:00:00.000Z for 2026-03-28',
  );
  expect(iso(nextMoment({ time: '02:00', timeZone: 'Pacific/Apia' }, undefined, at('2011-12-29T12:00:00Z')))).toBe(
    '2011-12-30T12:00:00.000Z for 2011-12-31',
  );
});

test('the date in a zone', () => {
  expect(localDay(at('2026-11-20T23:30:00Z'), 'Asia/Tokyo')).toBe(day('2026-11-21'));
  expect(localDay(at('2026-11-20T00:30:00Z'), 'America/New_York')).toBe(day('2026-11-19'));
});
