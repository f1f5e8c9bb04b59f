import type { Clock } from '../../clock.ts';
import type { Delivery, ServiceStore } from '../../service-store.ts';
import { receiverOf } from './shown-url.ts';

export const deliveryFailing = 'delivery_failing';

/** Open alerts are read again after this time: another process may have raised one. */
const keptMs = 30_000;
const alertsRead = 500;

/** One alert for each receiver that deliveries were given up for, until one comes through again. */
export function createReceiverAlerts(
  service: Pick<ServiceStore, 'raiseAlert' | 'resolveAlert' | 'listAlerts'>,
  clock: Clock,
): { ended(delivery: Delivery, outcome: 'delivered' | 'given_up'): Promise<void> } {
  let open = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;

  const readOpen = async () => {
    if (Math.abs(clock.now() - readAt) < keptMs) return;
    const alerts = await service.listAlerts({ openOnly: true, limit: alertsRead });
    open = new Set(alerts.filter(({ name }) => name === deliveryFailing).map(({ subject }) => subject));
    readAt = clock.now();
  };

  return {
    async ended(delivery, outcome) {
      const subject = receiverOf(delivery.url);
      await readOpen();
      if (outcome === 'delivered') {
        if (open.delete(subject)) await service.resolveAlert(deliveryFailing, subject, clock.now());
        return;
      }
      open.add(subject);
      await service.raiseAlert(
        {
          name: deliveryFailing,
          subject,
          severity: 'warning',
          title: `Deliveries to ${subject} fail`,
          message: `Delivery ${delivery.id} (${delivery.event}) to ${subject} was given up. The attempts are on record; send it again once the receiver is mended.`,
        },
        clock.now(),
      );
    },
  };
}
