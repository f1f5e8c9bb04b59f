import type { Clock } from '../clock.ts';
import type { Provider } from '../provider.ts';
import type { ServiceStore, UnservedRun } from '../service-store.ts';
import type { Store } from '../store.ts';
import type { Duty } from './duties.ts';
import type { Log } from './log.ts';

/**
 * A job stays with the account it was queued for: a provider, an address and a key. With a new key nobody would send it,
 * and nothing would say so. While another process serves the account the job waits for that; else it goes to the account
 * that the provider has here today, as far as it was not sent.
 */
export interface UnservedOptions {
  serviceStore: Pick<ServiceStore, 'claimDuty' | 'listUnserved'>;
  store: Pick<Store, 'moveAccount'>;
  providers: readonly Provider[];
  owner: string;
  clock: Clock;
  log: Log;
  onWork: () => void;
}

const everyMs = 60_000;
/** What a process that was killed keeps its accounts for. */
const servedMs = 5 * everyMs;

export function createUnservedDuty(options: UnservedOptions): Duty {
  return { name: 'unserved_accounts', everyMs, everywhere: true, run: () => moveUnserved(options) };
}

/** Work of accounts that no process serves, and none of ours can take over. */
export async function listStranded(options: UnservedOptions): Promise<UnservedRun[]> {
  return (await findUnserved(options)).filter((run) => !successorOf(options, run));
}

async function moveUnserved(options: UnservedOptions): Promise<void> {
  const { serviceStore, providers, owner, clock, store, log, onWork } = options;
  const until = clock.now() + servedMs;
  for (const { account } of providers) await serviceStore.claimDuty(dutyOf(account), owner, clock.now(), until);
  for (const run of await findUnserved(options)) {
    const { runId, account, provider } = run;
    const successor = successorOf(options, run);
    if (!successor) continue;
    const isWhole = await store.moveAccount(runId, account, successor.account);
    log('warn', `Jobs for the account ${account}, which nobody serves, go to ${successor.account}.`, {
      run_id: runId,
      provider,
      is_whole: isWhole,
    });
    onWork();
  }
}

async function findUnserved({ serviceStore, providers, owner, clock }: UnservedOptions) {
  const unserved: UnservedRun[] = [];
  for (const run of await serviceStore.listUnserved(providers.map(({ account }) => account))) {
    // Whoever serves an account holds it; to get it for a moment is to know that nobody does.
    const now = clock.now();
    if (await serviceStore.claimDuty(dutyOf(run.account), owner, now, now + 1)) unserved.push(run);
  }
  return unserved;
}

const dutyOf = (account: string) => `account ${account}`;

function successorOf({ providers }: UnservedOptions, { provider }: UnservedRun): Provider | undefined {
  return providers.find(({ name }) => name === provider);
}
