import type { Clock } from '../../clock.ts';
import { systemClock } from '../../clock.ts';
import type { Provider } from '../../provider.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { Store } from '../../store.ts';
import type { Report } from '../contract/overview.ts';
import type { OwnViews } from '../own-side.ts';
import type { Queues, ServiceViews } from '../service.ts';
import { createBatchReader } from './batch-reader.ts';
import { costsBy } from './costs.ts';
import { type DashboardSource, dashboardOf } from './dashboard.ts';
import { healthOf } from './health.ts';
import { createJobReader } from './job-reader.ts';
import { createKept } from './kept.ts';
import { markdownReport } from './markdown-report.ts';
import { metricsFrom } from './metrics.ts';
import { providersOf } from './providers-view.ts';
import { buildReport } from './report.ts';
import { lastDays } from './report-period.ts';
import { createRunReader } from './run-reader.ts';
import { savingsFrom } from './savings.ts';
import { createSpendingHistory } from './spending-history.ts';

export interface ServiceViewsOptions {
  store: Pick<Store, 'getRun' | 'listDurations' | 'listCosts'>;
  service: Pick<ServiceStore, 'listQueues' | 'listDeliveries' | 'listAlerts'>;
  views: OwnViews;
  queues: Pick<Queues, 'status' | 'settings' | 'nextScheduled' | 'fault'>;
  providers: readonly Provider[];
  /** Of Offpeak, for `health`. */
  version: string;
  clock?: Clock;
}

/** Any number of browsers cost one computation in this time. */
const dashboardKeptMs = 1_000;
/** A report reads every run and batch of its period. */
const reportKeptMs = 10_000;
const reportsKept = 8;
/** Who may only read can ask for it: the providers are asked no more often than this. */
const checkKeptMs = 10_000;

/** What people and programs look at: rows of the store in the contract's words. Nothing here asks a provider, except `providers(true)`. */
export function createServiceViews(options: ServiceViewsOptions): ServiceViews {
  const { views, service, store, queues, clock = systemClock } = options;
  const batches = createBatchReader({ views, store, clock });
  const jobs = createJobReader({ views, service, batches });
  const runs = createRunReader({ views, store, batches });
  const spent = createSpendingHistory(views, clock);
  const dashboardSource: DashboardSource = {
    views,
    service,
    queues,
    spent,
    toBatches: batches.show,
    simulated: options.providers.some(({ simulated }) => simulated),
  };
  const report = createReports(options, clock);
  const checked = createKept(clock, checkKeptMs, () => providersOf(options.providers, true, clock));
  return {
    batch: batches.details,
    batches: batches.page,
    active: batches.active,
    job: jobs.details,
    jobs: jobs.page,
    run: runs.details,
    runs: runs.page,
    results: jobs.results,
    events: batches.events,
    lastEventId: () => views.lastEventId(),
    savings: async () => {
      const { succeeded, failed } = await views.totals();
      return savingsFrom(await spent(), succeeded + failed);
    },
    costs: (by, since) => costsBy({ views, store }, by, since),
    metrics: async (category) => metricsFrom(await views.totalsByQueue(), await service.listQueues(), category),
    dashboard: createKept(clock, dashboardKeptMs, () => dashboardOf(dashboardSource, clock.now())),
    report,
    markdownReport: async (days) => markdownReport(await report(days)),
    providers: (check) => (check ? checked() : providersOf(options.providers, false, clock)),
    health: () => healthOf({ views, service, queues, version: options.version }, clock.now()),
  };
}

/** A few periods are kept, each for a while. */
function createReports({ views, service }: ServiceViewsOptions, clock: Clock): ServiceViews['report'] {
  const makers = new Map<number, () => Promise<Report>>();
  return async (days) => {
    // Refused before anything is kept for it.
    lastDays(days, clock.now());
    const known = makers.get(days);
    if (known) return known();
    if (makers.size >= reportsKept) makers.clear();
    const make = createKept(clock, reportKeptMs, () => buildReport({ views, service }, lastDays(days, clock.now())));
    makers.set(days, make);
    return make();
  };
}
