import { Cron } from 'croner';

/**
 * The nightly schedule: every local calendar day has one moment, and each day is done once.
 *
 * - The moment of a day is HH:MM on the clock of the zone. A time that does not exist on a day (the clock is put
 *   forward over it) is the first moment after the gap; one that exists twice is the first of the two.
 * - What is remembered as done is the DAY, not the moment: `Moment.day` is what the mark in the store holds. The days
 *   that were done only grow. So whatever is changed at run time, no day is done twice: after 02:00 of a day was done,
 *   a change to 14:00 sends nothing more on that day, and after a change to a zone where it is still yesterday the next
 *   day to be done is tomorrow's.
 * - A moment counts only from `since` on, when the schedule was set as it is: a change to a time that is past today, or
 *   switching it on in the afternoon, sends nothing at once; tomorrow is the next day.
 * - After downtime the latest moment that was missed is made up for, once, whatever the number of days. Which queues
 *   that concerns is for the caller to say: those that held jobs at that moment (`triggers.ts`).
 */
export interface Schedule {
  /** `02:00` */
  time: string;
  /** `Europe/Berlin` */
  timeZone: string;
  /** Moments before this one do not count; milliseconds since 1970. */
  since?: number;
}

export interface Moment {
  /** Milliseconds since 1970. */
  at: number;
  /** The local calendar day, as midnight UTC of the same date. */
  day: number;
}

const dayMs = 86_400_000;
/** No zone is further from UTC. */
const farthestMs = 15 * 3_600_000;
/** A mark so far ahead of today was set under a clock that was wrong: it must not stop the schedule until then. */
const wrongClockMs = 2 * dayMs;

/** What is to be done now: the latest moment, if it counts and its day was not done. `done`: the latest day that was. */
export function momentDue(schedule: Schedule, done: number | undefined, now: number): Moment | undefined {
  const latest = latestMoment(schedule, now);
  if (!latest || latest.at < (schedule.since ?? Number.NEGATIVE_INFINITY) || isDone(latest.day, done)) return undefined;
  return latest;
}

/** The first moment after `now` whose day will have to be done. */
export function nextMoment(schedule: Schedule, done: number | undefined, now: number): Moment | undefined {
  const today = localDay(now, schedule.timeZone);
  // A zone may be a day behind the one in which the last day was done, and a date may be missing from a calendar.
  for (let day = today - dayMs; day <= today + 5 * dayMs; day += dayMs) {
    const moment = momentOf(schedule, day);
    if (moment && moment.at > now && !isDone(day, done)) return moment;
  }
  return undefined;
}

function latestMoment(schedule: Schedule, now: number): Moment | undefined {
  const today = localDay(now, schedule.timeZone);
  // Yesterday's moment may lie in today, when the clock was put forward over midnight.
  for (let day = today; day >= today - 3 * dayMs; day -= dayMs) {
    const moment = momentOf(schedule, day);
    if (moment && moment.at <= now) return moment;
  }
  return undefined;
}

function isDone(day: number, done: number | undefined): boolean {
  return done !== undefined && day <= done && done - day <= wrongClockMs;
}

const moments = new Map<string, { moment: Moment | undefined }>();

function momentOf({ time, timeZone }: Schedule, day: number): Moment | undefined {
  const key = `${time} ${timeZone} ${day}`;
  return kept(moments, key, () => ({ moment: reckonMoment(time, timeZone, day) })).moment;
}

/** Undefined: the zone's calendar has no such day (Samoa went from 29 to 31 December 2011). */
function reckonMoment(time: string, timeZone: string, day: number): Moment | undefined {
  const noon = day + dayMs / 2;
  const cron = cronFor(time, timeZone);
  for (let from = day - farthestMs; from < noon + farthestMs; ) {
    const next = cron.nextRun(new Date(from))?.getTime();
    if (next === undefined || localDay(next, timeZone) > day) break;
    if (localDay(next, timeZone) === day) return { at: next, day };
    from = next;
  }
  // The gap in which the time lies ends at midnight (Greenland): the day has no moment left, so it is the next one's first.
  const end = endOfDay(day, timeZone);
  return localDay(end - 1, timeZone) === day ? { at: end, day } : undefined;
}

/** The first moment of a later day. */
function endOfDay(day: number, timeZone: string): number {
  let before = day - farthestMs;
  let after = day + dayMs + farthestMs;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (localDay(middle, timeZone) > day) after = middle;
    else before = middle;
  }
  return after;
}

const crons = new Map<string, Cron>();
const calendars = new Map<string, Intl.DateTimeFormat>();
/** Somebody may try many zones. */
const mostKept = 100;

/** Only reckons: without a function it starts no timer. */
function cronFor(time: string, timezone: string): Cron {
  return kept(crons, `${time} ${timezone}`, () => {
    const [hour, minute] = time.split(':');
    return new Cron(`0 ${Number(minute)} ${Number(hour)} * * *`, { timezone, paused: true, mode: '6-part' });
  });
}

/** The date in a zone, as midnight UTC of the same date. */
export function localDay(at: number, timeZone: string): number {
  const calendar = kept(calendars, timeZone, () => {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    });
  });
  const parts = { year: 0, month: 0, day: 0 };
  for (const { type, value } of calendar.formatToParts(at)) {
    if (type === 'year' || type === 'month' || type === 'day') parts[type] = Number(value);
  }
  return Date.UTC(parts.year, parts.month - 1, parts.day);
}

function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  if (map.size >= mostKept) map.clear();
  const made = make();
  map.set(key, made);
  return made;
}
