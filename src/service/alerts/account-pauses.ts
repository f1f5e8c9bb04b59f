import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { NewAlert, ServiceStore, UnservedRun } from '../../service-store.ts';
import type { BatchSummary } from '../../views.ts';
import type { OwnViews } from '../own-side.ts';
import type { Check } from './check.ts';

/** An account that a worker leaves alone for a while, because of its key or its money. */
export interface AccountPause {
  account: string;
  /** Milliseconds since 1970. */
  until: number;
  /** Why, in the engine's words. */
  message: string;
}

const settingName = 'paused_accounts';
const stored = z.record(z.string(), z.object({ until: z.number(), message: z.string() }));
/** A worker tries again when the pause is over, and pauses anew when it fails: in between the alert stays. */
const graceMs = 5 * 60_000;
/** What a batch that waits says of its account. */
const signs = ['auth', 'quota'];
const mostLooked = 5_000;

/**
 * Keeps in the store that a worker of any process has paused an account: the process that looks for alerts may be
 * another. To be called for each pause that the engine tells of.
 */
export async function notePause(
  service: Pick<ServiceStore, 'changeSettings'>,
  { account, until, message }: AccountPause,
  clock: Clock,
): Promise<void> {
  const now = clock.now();
  await service.changeSettings((settings) => {
    const recent = Object.entries(pausesIn(settings)).filter(([, each]) => each.until + graceMs > now);
    return new Map([[settingName, { ...Object.fromEntries(recent), [account]: { until, message } }]]);
  }, now);
}

function pausesIn(settings: ReadonlyMap<string, unknown>): z.infer<typeof stored> {
  const parsed = stored.safeParse(settings.get(settingName) ?? {});
  return parsed.success ? parsed.data : {};
}

export function accountPausedCheck(
  service: Pick<ServiceStore, 'getSettings'>,
  views: Pick<OwnViews, 'everyBatch'>,
): Check {
  return {
    name: 'paused_accounts',
    alerts: ['account_paused'],
    async find({ clock }) {
      const found = new Map<string, string>();
      for (const [account, { until, message }] of Object.entries(pausesIn(await service.getSettings()))) {
        if (until + graceMs > clock.now()) found.set(account, message);
      }
      for await (const batch of openBatches(views)) {
        if (batch.errorCode !== undefined && signs.includes(batch.errorCode) && !found.has(batch.account)) {
          found.set(batch.account, batch.errorMessage ?? batch.errorCode);
        }
      }
      return [...found].map(([account, message]) => toAlert(account, message));
    },
  };
}

async function* openBatches(views: Pick<OwnViews, 'everyBatch'>): AsyncGenerator<BatchSummary> {
  let looked = 0;
  for await (const batch of views.everyBatch({ openOnly: true })) {
    yield batch;
    looked += 1;
    if (looked >= mostLooked) return;
  }
}

function toAlert(account: string, message: string): NewAlert {
  return {
    name: 'account_paused',
    subject: account,
    severity: 'critical',
    title: `Nothing is sent to the account ${account}`,
    message: `The provider says: ${message}. It is asked again every 15 minutes; work goes on by itself once the key works, or the account has money again.`,
  };
}

/** Jobs of a provider that no process knows any more, under any key. */
export function strandedCheck(stranded: () => Promise<readonly UnservedRun[]>): Check {
  return {
    name: 'stranded_accounts',
    alerts: ['account_unserved'],
    async find() {
      const queues = new Map<string, Set<string>>();
      for (const { account, queue } of await stranded()) {
        queues.set(account, (queues.get(account) ?? new Set()).add(queue));
      }
      return [...queues].map(([account, names]) => ({
        name: 'account_unserved',
        subject: account,
        severity: 'critical',
        title: `Nobody sends the jobs of the account ${account}`,
        message: `Jobs of ${[...names].join(', ')} wait, and no process has this provider. Set its key again, and start the server; or cancel their run.`,
      }));
    },
  };
}
