import { isoTime } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { Health } from '../contract/operations.ts';
import type { OwnViews } from '../own-side.ts';
import type { Queues } from '../service.ts';

const alertsRead = 20;

/**
 * `unhealthy`: the store does not answer, or takes no jobs: nothing can be queued. `degraded`: work goes on, and a critical alert is open.
 * Never throws.
 */
export async function healthOf(
  source: {
    views: Pick<OwnViews, 'totals'>;
    service: Pick<ServiceStore, 'listAlerts'>;
    queues: Pick<Queues, 'fault'>;
    version: string;
  },
  now: number,
): Promise<Health> {
  const common = { version: source.version, timestamp: isoTime(now) };
  try {
    const fault = source.queues.fault();
    const { held, batchesOpen } = await source.views.totals();
    const open = await source.service.listAlerts({ openOnly: true, limit: alertsRead });
    const critical = open.filter(({ severity }) => severity === 'critical').map(({ title }) => title);
    const reasons = [...(fault === undefined ? [] : [fault]), ...critical];
    const working = reasons.length === 0 ? 'healthy' : 'degraded';
    return {
      status: fault === undefined ? working : 'unhealthy',
      redis_connected: fault === undefined,
      store_connected: fault === undefined,
      queue_size: held,
      active_batches: batchesOpen,
      reasons,
      ...common,
    };
  } catch (error) {
    return {
      status: 'unhealthy',
      redis_connected: false,
      store_connected: false,
      queue_size: 0,
      active_batches: 0,
      reasons: [messageOf(error)],
      ...common,
    };
  }
}
