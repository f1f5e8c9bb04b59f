import type { z } from 'zod';
import type { BatchApi } from '../provider.ts';
import type { QueueState } from '../service-store.ts';
import type { Settings, triggers } from './contract/settings.ts';
import type { Moment } from './schedule.ts';

/** When a queue is sent, as pure rules; `send-queues.ts` applies them. */

export type Triggers = z.infer<typeof triggers>;
export type TriggerName = 'schedule' | 'count' | 'age' | 'full';

/** A queue's triggers: each is the most particular that is set, `type:provider`, `type`, `*:provider`, then everybody's. */
export function triggersFor(settings: Settings, jobType: string, provider: string): Triggers {
  let chosen = settings.triggers;
  for (const key of [`*:${provider}`, jobType, `${jobType}:${provider}`]) {
    const more = Object.hasOwn(settings.queue_triggers, key) ? settings.queue_triggers[key] : undefined;
    // Null is off; what is not there is left to the more general.
    const { schedule = chosen.schedule, count = chosen.count, full = chosen.full } = more ?? {};
    const { age_minutes = chosen.age_minutes } = more ?? {};
    chosen = { schedule, count, age_minutes, full };
  }
  return chosen;
}

/** Why the queue is to be sent now, its schedule apart; undefined: it waits. */
export function triggerOf(
  queue: QueueState,
  { count, age_minutes: age, full }: Triggers,
  batch: BatchApi | undefined,
  now: number,
): TriggerName | undefined {
  if (queue.held === 0) return undefined;
  if (count !== null && queue.held >= count) return 'count';
  if (age !== null && now - queue.oldestAt >= age * 60_000) return 'age';
  return full && batch && isFull(queue, batch) ? 'full' : undefined;
}

/** What is held fills a batch of the provider, were it all of one model. */
export function isFull({ held, bytes }: Pick<QueueState, 'held' | 'bytes'>, batch: BatchApi): boolean {
  const { maxRequests, maxBytes } = batch.limits;
  return held >= maxRequests || bytes + held * lineOverhead(batch) >= maxBytes;
}

/** What stands around a request in the body of a batch. */
function lineOverhead(batch: BatchApi): number {
  return batch.lineBytes(0, 'op-abcdefghij-1234567-1', '/v1/chat/completions');
}

/** The queues that the schedule sends at a moment: those that held jobs then. What came later waits for the next. */
export function scheduledAt(
  { at }: Moment,
  queues: readonly QueueState[],
  triggersOf: (queue: QueueState) => Triggers,
): QueueState[] {
  return queues.filter((queue) => queue.held > 0 && queue.oldestAt <= at && triggersOf(queue).schedule);
}
