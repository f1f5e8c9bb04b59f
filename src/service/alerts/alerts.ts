import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import { systemClock } from '../../clock.ts';
import type { ServiceStore, UnservedRun } from '../../service-store.ts';
import type { Settings } from '../contract/settings.ts';
import type { Duty } from '../duties.ts';
import type { OwnViews } from '../own-side.ts';
import type { Alerts } from '../service.ts';
import { toAlert } from '../views/alert-view.ts';
import { accountPausedCheck, strandedCheck } from './account-pauses.ts';
import { failureRateCheck, staleBatchCheck } from './batch-checks.ts';
import type { Check } from './check.ts';
import { type DailyReportOptions, sendDailyReport } from './daily-report.ts';
import { type DiskSpace, diskCheck, diskSpaceOf } from './disk-check.ts';
import { evaluate } from './evaluate.ts';
import { budgetCheck, savingsMilestoneCheck } from './money-checks.ts';
import { growingQueueCheck, largeQueueCheck } from './queue-checks.ts';

export interface AlertsOptions {
  service: ServiceStore;
  views: OwnViews;
  settings: () => Promise<Settings>;
  /** Whether the providers are the sandbox's; the daily report says so. */
  simulated: boolean;
  /** Work of accounts that no process serves. */
  stranded: () => Promise<readonly UnservedRun[]>;
  /** The store's file: its disk is watched. Absent: the store is elsewhere, and no disk is looked at. */
  storePath?: string;
  /** Instead of the disk of `storePath`. */
  diskSpace?: () => Promise<DiskSpace>;
  clock?: Clock;
}

export interface AlertsWithDuties extends Alerts {
  /** Looks for alerts each minute, and sends the daily report. */
  readonly duties: readonly Duty[];
}

const everyMs = 60_000;

/**
 * What a person should know without looking: raised once, resolved once, kept in the store. Telling of it is the matter
 * of the deliveries, which read the events that raising and resolving write.
 */
export function createAlerts(options: AlertsOptions): AlertsWithDuties {
  const { service, views, settings, simulated, clock = systemClock } = options;
  const checks = checksOf(options);
  const reporting: DailyReportOptions = { service, views, settings, simulated, clock };
  return {
    list: async (filter) => (await service.listAlerts(filter)).map(toAlert),
    duties: [
      { name: 'alerts', everyMs, run: (signal) => evaluate(checks, { service, settings, clock }, signal) },
      { name: 'daily_report', everyMs, run: () => sendDailyReport(reporting) },
    ],
  };
}

function checksOf({ service, views, stranded, storePath, diskSpace }: AlertsOptions): Check[] {
  const disk = diskSpace ?? (storePath === undefined ? undefined : () => diskSpaceOf(dirname(storePath)));
  return [
    failureRateCheck(views),
    staleBatchCheck(views),
    largeQueueCheck(service),
    growingQueueCheck(service, views),
    savingsMilestoneCheck(service, views),
    budgetCheck(views),
    accountPausedCheck(service, views),
    strandedCheck(stranded),
    ...(disk ? [diskCheck(disk)] : []),
  ];
}
