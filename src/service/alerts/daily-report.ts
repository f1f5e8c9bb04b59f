import type { Clock } from '../../clock.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { Settings } from '../contract/settings.ts';
import { messages } from '../deliveries/alert-messages.ts';
import { webhookBody } from '../deliveries/webhook-body.ts';
import type { OwnViews } from '../own-side.ts';
import { momentDue } from '../schedule.ts';
import { dayOf } from '../views/figures.ts';
import { markdownReport } from '../views/markdown-report.ts';
import { buildReport } from '../views/report.ts';
import { yesterday } from '../views/report-period.ts';

export interface DailyReportOptions {
  service: Pick<ServiceStore, 'getCursor' | 'planFrom' | 'listAlerts'>;
  views: Pick<OwnViews, 'everyRun' | 'everyBatch' | 'listSpending' | 'listFailures'>;
  settings: () => Promise<Settings>;
  /** Of what the sandbox answers. */
  simulated: boolean;
  clock: Clock;
}

const cursor = 'daily_report';
const event = 'report.daily';

/**
 * At the time of the schedule, the report of the last day that is over (UTC) to the channels of the alerts: once a day,
 * across restarts and processes, for the day is noted in the transaction that puts the messages into the outbox.
 */
export async function sendDailyReport(options: DailyReportOptions): Promise<void> {
  const { service, settings, clock } = options;
  const { daily_report: isOn, alert_channels: channels, schedule } = await settings();
  if (!isOn || channels.length === 0) return;
  const now = clock.now();
  const done = await service.getCursor(cursor);
  const due = momentDue({ time: schedule.time, timeZone: schedule.time_zone }, done, now);
  if (!due) return;
  // The first time there is nobody to expect it: from the next day on.
  const deliveries = done === undefined ? [] : await compose(options, channels, now);
  await service.planFrom({ name: cursor, from: done, to: due.day }, deliveries, now);
}

async function compose(
  { service, views, simulated }: DailyReportOptions,
  channels: Settings['alert_channels'],
  now: number,
) {
  const period = yesterday(now);
  const report = await buildReport({ views, service }, period);
  const message = {
    event,
    title: `Report of ${dayOf(period.start)}${simulated ? ' (simulated)' : ''}`,
    text: markdownReport(report),
    body: webhookBody(event, period.end, report),
  };
  return channels.flatMap((channel) => messages(channel, message));
}
