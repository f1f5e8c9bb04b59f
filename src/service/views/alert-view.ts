import { isoTime } from '../../clock.ts';
import type { Alert } from '../../service-store.ts';
import type { Alert as AlertShown } from '../contract/overview.ts';

export function toAlert(alert: Alert): AlertShown {
  return {
    id: alert.id,
    type: alert.name,
    severity: alert.severity,
    title: alert.title,
    message: alert.message,
    subject: alert.subject,
    raised_at: isoTime(alert.raisedAt),
    resolved_at: isoTime(alert.resolvedAt) ?? null,
  };
}
