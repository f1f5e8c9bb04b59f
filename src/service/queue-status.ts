import { isoTime } from '../clock.ts';
import type { QueueState } from '../service-store.ts';
import type { QueueStatus } from './contract/queue.ts';
import type { Settings } from './contract/settings.ts';
import { triggersFor } from './triggers.ts';

/** What waits in the queues, in the contract's words; `nextAt` is when the schedule sends. */
export function queueStatusOf(
  queues: readonly QueueState[],
  settings: Settings,
  nextAt: number | undefined,
): QueueStatus {
  return {
    total_queued: queues.reduce((sum, { held }) => sum + held, 0),
    breakdown: Object.fromEntries(queues.map(({ queue, provider, held }) => [`${queue}_${provider}`, held])),
    queues: queues.map(({ queue, provider, runId, held, priorities, bytes, oldestAt }) => ({
      job_type: queue,
      provider,
      run_id: runId,
      count: held,
      priorities: priorities.map(({ priority, jobs }) => ({ priority, count: jobs })),
      bytes,
      oldest_at: isoTime(oldestAt),
      next_send_at: nextAt !== undefined && triggersFor(settings, queue, provider).schedule ? isoTime(nextAt) : null,
    })),
  };
}
