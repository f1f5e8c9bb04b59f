import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Random } from '../ids.ts';
import type { Offpeak } from '../offpeak.ts';
import type { Provider } from '../provider.ts';
import type { ServiceStore } from '../service-store.ts';
import type { Store } from '../store.ts';
import type { Views } from '../views.ts';
import { createAlerts } from './alerts/alerts.ts';
import type { DiskSpace } from './alerts/disk-check.ts';
import { createDeliveries } from './deliveries/deliveries.ts';
import type { Mailer } from './deliveries/mailer.ts';
import { createDuties, type Duty } from './duties.ts';
import type { Log } from './log.ts';
import { ownSide } from './own-side.ts';
import { checkPublicUrl, type Lookup } from './public-address.ts';
import { createQueues } from './queues.ts';
import type { Service, ServiceViews } from './service.ts';
import { showBatchesAfter } from './show-batches.ts';
import { createUnservedDuty, listStranded, type UnservedOptions } from './unserved-accounts.ts';
import { createServiceViews } from './views/service-views.ts';

export interface ServiceOptions {
  offpeak: Pick<Offpeak, 'packQueue' | 'retry' | 'cancel'>;
  /** Three ports of one database. */
  store: Store;
  serviceStore: ServiceStore;
  views: Views;
  /** Those that can be asked: with a key, where one is needed. A job for any other is refused. */
  providers: readonly Provider[];
  /** Names this process on what it claims; unique. */
  owner: string;
  /** Of Offpeak. */
  version: string;
  log: Log;
  /** There is work for the workers of this process: they need not wait for their next look. */
  onWork?: () => void;
  /** The store's file, whose disk is watched. */
  storePath?: string;
  diskSpace?: () => Promise<DiskSpace>;
  /** Absent: no mail server is configured. */
  mailer?: Mailer;
  /** Callbacks and webhooks may lead into a private network. Default false. */
  allowPrivateCallbacks?: boolean;
  /** How the names of callbacks become addresses. */
  lookup?: Lookup;
  clock?: Clock;
  random?: Random;
}

/** Nobody waits longer for a trigger that other processes' jobs have brought, or for the night. */
const lookEveryMs = 2_000;

/** Puts the service together; nothing runs before `start`. */
export function createService(options: ServiceOptions): Service {
  const { providers, owner, version, log, clock = systemClock } = options;
  const isSimulated = providers.some(({ simulated }) => simulated);
  // From here on nobody sees the ports themselves, so that nobody can add the sandbox's money to that which was spent.
  const { store, serviceStore: service, views, everyAlert } = ownSide(options, isSimulated);
  const { onWork = () => {} } = options;
  const unserved: UnservedOptions = { serviceStore: service, store, providers, owner, clock, log, onWork };
  const allowPrivate = options.allowPrivateCallbacks ?? false;
  const queues = createQueues({
    offpeak: options.offpeak,
    store,
    serviceStore: service,
    views,
    providers,
    clock,
    log,
    problemWithUrl: (url) => checkPublicUrl(url, { allowPrivate }),
    showBatches: (runId, after) => showBatchesAfter(shown, runId, after),
    onReached: () => duties.wake(triggers.name),
    onWork,
  });
  const shown: ServiceViews = createServiceViews({ store, service, views, queues, providers, version, clock });
  const { settings } = queues;
  const deliveries = createDeliveries({
    service: { ...service, listAlerts: everyAlert },
    store,
    views,
    batch: shown.batch,
    settings,
    owner,
    version,
    clock,
    allowPrivateCallbacks: allowPrivate,
    ...(options.mailer ? { mailer: options.mailer } : {}),
    ...(options.lookup ? { lookup: options.lookup } : {}),
    ...(options.random ? { random: options.random } : {}),
  });
  const alerts = createAlerts({
    service,
    views,
    settings,
    simulated: isSimulated,
    stranded: () => listStranded(unserved),
    clock,
    ...(options.storePath === undefined ? {} : { storePath: options.storePath }),
    ...(options.diskSpace ? { diskSpace: options.diskSpace } : {}),
  });
  // In every process: what is queued here is sent at once, and the store sees to it that nothing is sent twice.
  const triggers: Duty = { name: 'triggers', everyMs: lookEveryMs, everywhere: true, run: () => queues.send() };
  const duties = createDuties({
    duties: [triggers, createUnservedDuty(unserved), deliveries.duty, ...alerts.duties],
    serviceStore: service,
    owner,
    clock,
    onError: (duty, error) => log('error', `The duty ${duty} failed: ${messageOf(error)}`, { duty }),
  });
  return {
    queues,
    views: shown,
    deliveries,
    alerts,
    start: duties.start,
    close: duties.close,
  };
}
