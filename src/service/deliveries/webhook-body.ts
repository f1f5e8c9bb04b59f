import { isoTime } from '../../clock.ts';

/** As Standard Webhooks want it: what happened, when it happened, and to what. */
export function webhookBody(type: string, at: number, data: unknown): string {
  return JSON.stringify({ type, timestamp: isoTime(at), data });
}
