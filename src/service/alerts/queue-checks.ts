import { z } from 'zod';
import type { ServiceStore } from '../../service-store.ts';
import type { Settings } from '../contract/settings.ts';
import type { OwnViews } from '../own-side.ts';
import type { Check } from './check.ts';

/** More jobs wait in the queues than should. */
export function largeQueueCheck(service: Pick<ServiceStore, 'listQueues'>): Check {
  return {
    name: 'large_queue',
    alerts: ['large_queue'],
    async find({ settings }) {
      const limit = settings.alerts.large_queue_jobs;
      const queued = (await service.listQueues()).reduce((sum, { held }) => sum + held, 0);
      if (queued <= limit) return [];
      return [
        {
          name: 'large_queue',
          subject: '',
          severity: 'info',
          title: `More than ${limit} jobs wait in the queues`,
          message: `${queued} jobs wait to be sent. A count or age trigger sends them before the nightly schedule does.`,
        },
      ];
    },
  };
}

/** Lowest numbers of unfinished jobs, by slice of time. */
const samples = z.array(z.tuple([z.number(), z.number()]));
type Samples = z.infer<typeof samples>;

const settingName = 'backlog_samples';
const sliceMs = 30 * 60_000;
/** How far back: a nightly queue fills all day and is no cause for alarm; one that is sent as it fills drains by the hour. */
const nightlyWindowMs = 24 * 3_600_000;
const steadyWindowMs = 3 * 3_600_000;
/** Growth that is none: a few jobs more, or a tenth. */
const leastGrowth = 100;
const growthFactor = 1.1;

/**
 * Jobs come faster than they are done: the lowest number of unfinished jobs in the last window (a day, where the schedule
 * sends; else three hours) lies above every number of the window before it. The lowest, for that is what is left once a
 * queue has drained. The samples are in the store: a restart forgets none.
 */
export function growingQueueCheck(
  service: Pick<ServiceStore, 'changeSettings'>,
  views: Pick<OwnViews, 'totals'>,
): Check {
  return {
    name: 'queue_growing',
    alerts: ['queue_growing'],
    async find({ settings, clock }) {
      const { held, queued, packed, running } = await views.totals();
      const unfinished = queued + packed + running;
      const now = clock.now();
      const stored = await service.changeSettings((current) => {
        const before = samplesIn(current);
        const after = addSample(before, now, unfinished);
        return new Map(after === before ? [] : [[settingName, after]]);
      }, now);
      const growth = growthIn(samplesIn(stored), now, windowOf(settings));
      if (!growth) return [];
      return [
        {
          name: 'queue_growing',
          subject: '',
          severity: 'warning',
          title: 'Jobs come faster than they are done',
          message: `${unfinished} jobs are unfinished (${held} of them wait in their queues). In the last ${growth.hours} hours there were never less than ${growth.lowest}; in the ${growth.hours} hours before, down to ${growth.lowestBefore}.`,
        },
      ];
    },
  };
}

function samplesIn(stored: ReadonlyMap<string, unknown>): Samples {
  const parsed = samples.safeParse(stored.get(settingName) ?? []);
  return parsed.success ? parsed.data : [];
}

function windowOf({ schedule, triggers, queue_triggers: own }: Settings): number {
  const isNightly = triggers.schedule || Object.values(own).some((each) => each.schedule === true);
  return schedule.enabled && isNightly ? nightlyWindowMs : steadyWindowMs;
}

/** The same array when nothing has changed in it: then nothing is written. */
export function addSample(before: Samples, now: number, unfinished: number): Samples {
  const slice = Math.floor(now / sliceMs) * sliceMs;
  const last = before.at(-1);
  if (last && last[0] === slice) {
    return last[1] <= unfinished ? before : [...before.slice(0, -1), [slice, unfinished]];
  }
  const oldest = slice - 2 * nightlyWindowMs;
  return [...before.filter(([at]) => at >= oldest && at < slice), [slice, unfinished]];
}

/** Undefined: it does not grow, or there are not enough samples to say so. */
export function growthIn(
  all: Samples,
  now: number,
  windowMs: number,
): { hours: number; lowest: number; lowestBefore: number } | undefined {
  const recent = all.filter(([at]) => at > now - windowMs - sliceMs);
  const earlier = all.filter(([at]) => at <= now - windowMs - sliceMs && at > now - 2 * windowMs - 2 * sliceMs);
  // Half of the slices must be there: a service that was down knows nothing of that time.
  const enough = windowMs / sliceMs / 2;
  if (recent.length < enough || earlier.length < enough) return undefined;
  const lowest = Math.min(...recent.map(([, jobs]) => jobs));
  const lowestBefore = Math.min(...earlier.map(([, jobs]) => jobs));
  if (lowest <= lowestBefore * growthFactor || lowest - lowestBefore < leastGrowth) return undefined;
  return { hours: windowMs / 3_600_000, lowest, lowestBefore };
}
