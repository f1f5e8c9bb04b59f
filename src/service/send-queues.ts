import type { Clock } from '../clock.ts';
import type { Provider } from '../provider.ts';
import type { QueueState, ServiceStore } from '../service-store.ts';
import type { Log } from './log.ts';
import type { QueueGauge } from './queue-gauge.ts';
import { type Moment, momentDue, nextMoment } from './schedule.ts';
import type { CurrentSettings, SettingsStore } from './settings-store.ts';
import { scheduledAt, type TriggerName, type Triggers, triggerOf, triggersFor } from './triggers.ts';

/** Looks at the queues and sends those whose trigger has come. */
export interface QueueSender {
  /** One look; safe in any number of processes at the same time. */
  send(): Promise<void>;
  /** When the schedule sends next; undefined: it is off. */
  nextScheduled(): Promise<number | undefined>;
  /** Whether what was just queued here may have brought a trigger, and a look is worth it. */
  isReached(jobs: { jobType: string; provider: string; count: number; bytes: number }, at: CurrentSettings): boolean;
}

export interface QueueSenderOptions {
  serviceStore: Pick<ServiceStore, 'listQueues' | 'sealQueues' | 'lastMark'>;
  settings: Pick<SettingsStore, 'get'>;
  /** By name. */
  providers: ReadonlyMap<string, Provider>;
  gauge: QueueGauge;
  clock: Clock;
  log: Log;
  /** There is work for the workers. */
  onWork: () => void;
}

/** The name of the schedule's marks: what is marked is the day, as `Moment.day`. */
export const nightlyMark = 'nightly';

export function createQueueSender(options: QueueSenderOptions): QueueSender {
  const { serviceStore, settings, providers, gauge, clock } = options;
  /** A day that somebody has marked, where the latest mark does not tell: it may stem from a wrong clock. */
  let markedDay: number | undefined;

  const sendScheduled = async (current: CurrentSettings, queues: readonly QueueState[], now: number) => {
    if (!current.settings.schedule.enabled) return new Set<string>();
    const moment = momentDue(current.schedule, await serviceStore.lastMark(nightlyMark), now);
    if (!moment || moment.day === markedDay) return new Set<string>();
    const due = scheduledAt(moment, queues, ({ queue, provider }) => triggersFor(current.settings, queue, provider));
    const runIds = due.map(({ runId }) => runId);
    const sealed = await serviceStore.sealQueues(runIds, now, { name: nightlyMark, dueAt: moment.day });
    markedDay = moment.day;
    if (sealed === 'marked') return new Set<string>();
    report(options, due, sealed, 'schedule', moment);
    return new Set(sealed);
  };

  return {
    async send() {
      const current = await settings.get();
      // Before the queues are listed: what was queued before a moment that is past now is in the list.
      const now = clock.now();
      const queues = await serviceStore.listQueues();
      gauge.set(queues);
      const gone = await sendScheduled(current, queues, now);
      for (const queue of queues) {
        if (gone.has(queue.runId)) continue;
        const triggers = triggersFor(current.settings, queue.queue, queue.provider);
        const trigger = triggerIn(options, queue, triggers, providers);
        if (!trigger) continue;
        const sealed = await serviceStore.sealQueues([queue.runId], clock.now());
        // Else another process has sent it between our look and now.
        if (sealed !== 'marked') report(options, [queue], sealed, trigger);
      }
    },
    async nextScheduled() {
      const { settings: now, schedule } = await settings.get();
      if (!now.schedule.enabled) return undefined;
      return nextMoment(schedule, await serviceStore.lastMark(nightlyMark), clock.now())?.at;
    },
    isReached(jobs, current) {
      const queue = gauge.add(jobs, clock.now());
      const triggers = triggersFor(current.settings, jobs.jobType, jobs.provider);
      return triggerIn(options, queue, triggers, providers) !== undefined;
    },
  };
}

function triggerIn(
  { clock }: QueueSenderOptions,
  queue: QueueState,
  triggers: Triggers,
  providers: ReadonlyMap<string, Provider>,
): TriggerName | undefined {
  return triggerOf(queue, triggers, providers.get(queue.provider)?.batch, clock.now());
}

function report(
  { log, onWork }: QueueSenderOptions,
  queues: readonly QueueState[],
  sealed: readonly string[],
  trigger: TriggerName,
  moment?: Moment,
): void {
  for (const { queue, provider, runId, held } of queues) {
    if (!sealed.includes(runId)) continue;
    log('info', `The queue ${queue} at ${provider} is sent.`, {
      trigger,
      run_id: runId,
      job_type: queue,
      provider,
      jobs: held,
      ...(moment === undefined ? {} : { due_at: new Date(moment.at).toISOString() }),
    });
  }
  if (sealed.length > 0) onWork();
}
