import { isoTime } from '../../clock.ts';
import type { StoreEvent } from '../../views.ts';
import type { ServerEvent } from '../contract/deliveries.ts';

/** `batchId`: the public id; a batch is named with its provider, which the event does not hold. */
export function toServerEvent(event: StoreEvent, batchId: string | null): ServerEvent {
  return {
    id: event.id,
    at: isoTime(event.at),
    type: event.type,
    run_id: event.runId ?? null,
    batch_id: batchId,
    detail: event.detail ?? null,
  };
}
