import { isoTime } from '../../clock.ts';
import type { Delivery, DeliveryAttempt } from '../../service-store.ts';
import type { DeliveryDetails, Delivery as DeliveryShown } from '../contract/deliveries.ts';
import { shownUrl } from './shown-url.ts';

/** `jobId`: the public id. Addresses of the settings are often secrets as a whole, those of jobs came with the job. */
export function toDelivery(delivery: Delivery, jobId: string | null): DeliveryShown {
  return {
    delivery_id: delivery.id,
    event: delivery.event,
    url: shownUrl(delivery.url, delivery.job === undefined ? 'secret' : 'path'),
    job_id: jobId,
    run_id: delivery.runId ?? null,
    state: delivery.state,
    attempts: delivery.attempts,
    created_at: isoTime(delivery.createdAt),
    next_at: delivery.state === 'pending' ? (isoTime(delivery.nextAt) ?? null) : null,
    last_status: delivery.lastStatus ?? null,
    last_error: delivery.lastError ?? null,
  };
}

export function toDeliveryDetails(
  delivery: Delivery,
  jobId: string | null,
  attempts: readonly DeliveryAttempt[],
): DeliveryDetails {
  return {
    ...toDelivery(delivery, jobId),
    log: attempts.map(({ at, durationMs, status, error }) => ({
      at: isoTime(at),
      duration_ms: durationMs,
      status: status ?? null,
      error: error ?? null,
    })),
  };
}
