import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Alert, NewAlert, ServiceStore } from '../../service-store.ts';
import type { Settings } from '../contract/settings.ts';
import type { Check } from './check.ts';

export interface EvaluateOptions {
  service: Pick<ServiceStore, 'raiseAlert' | 'resolveAlert' | 'listAlerts'>;
  settings: () => Promise<Settings>;
  clock: Clock;
}

const monitoringError = 'monitoring_error';
/** More that are open at once are looked at in the next minute. */
const openRead = 1_000;

/**
 * Looks at everything once: what is found is raised if it is not, what is open and was not found is resolved. A check
 * that fails stops no other, and is an alert itself until it works again.
 */
export async function evaluate(checks: readonly Check[], options: EvaluateOptions, signal: AbortSignal): Promise<void> {
  const { service, clock } = options;
  const settings = await options.settings();
  const open = await service.listAlerts({ openOnly: true, limit: openRead });
  for (const check of checks) {
    if (signal.aborted) return;
    const mine = open.filter(({ name }) => check.alerts.includes(name));
    const failure = open.filter(({ name, subject }) => name === monitoringError && subject === check.name);
    try {
      const context = { settings, open: mine, clock };
      const found = await check.find(context);
      await bring(service, mine, found, clock.now());
      await check.raised?.(found, context);
      await bring(service, failure, [], clock.now());
    } catch (error) {
      await bring(service, failure, [failedCheck(check, error)], clock.now());
    }
  }
}

/** What is open to what is to be open. An alert that stays as it is costs no write. */
async function bring(
  service: EvaluateOptions['service'],
  open: readonly Alert[],
  wanted: readonly NewAlert[],
  now: number,
): Promise<void> {
  for (const alert of wanted) {
    const same = open.find(({ name, subject }) => name === alert.name && subject === alert.subject);
    if (!same || same.message !== alert.message || same.severity !== alert.severity || same.title !== alert.title) {
      await service.raiseAlert(newAlert(alert), now);
    }
  }
  for (const { name, subject } of open) {
    if (wanted.some((alert) => alert.name === name && alert.subject === subject)) continue;
    await service.resolveAlert(name, subject, now);
  }
}

function newAlert({ name, subject, severity, title, message }: NewAlert): NewAlert {
  return { name, subject, severity, title, message };
}

function failedCheck({ name }: Check, error: unknown): NewAlert {
  return {
    name: monitoringError,
    subject: name,
    severity: 'warning',
    title: `The check ${name} fails`,
    message: `Whether there is cause for an alert is not known: ${messageOf(error)}`,
  };
}
