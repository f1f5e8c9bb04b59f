import type { Alert, ServiceStore } from '../service-store.ts';
import type { Store } from '../store.ts';
import type { BatchSummary, QueueTotals, RunSummary, SpendingRow, Totals, Views } from '../views.ts';
import { everyRow } from './views/pages.ts';

/**
 * The three ports as a service sees them that works with the sandbox, or one that does not: on one store, neither sends
 * the other's queues, nor marks its nights as done, nor adds the other's jobs and money to its own, nor resolves its alerts.
 */
export interface OwnSide {
  store: Pick<Store, 'getRun' | 'listDurations' | 'listCosts' | 'moveAccount'>;
  serviceStore: ServiceStore;
  views: OwnViews;
  /** Alerts of both sides, those of the sandbox with that word, for who tells receivers of events: these are one row. */
  everyAlert: ServiceStore['listAlerts'];
}

/** `Views`, whose sums are of one side. Its lists show both: a run says which it is. */
export interface OwnViews extends Omit<Views, 'totals' | 'totalsByQueue' | 'listSpending'> {
  totals(): Promise<Totals>;
  totalsByQueue(): Promise<QueueTotals[]>;
  listSpending(since: string): Promise<SpendingRow[]>;
  /** To add them up: those of this side alone, newest first. */
  everyRun(filter: Omit<Parameters<Views['listRuns']>[0], 'beforeSeq' | 'limit'>): AsyncIterable<RunSummary>;
  everyBatch(filter: Omit<Parameters<Views['listBatches']>[0], 'before' | 'limit'>): AsyncIterable<BatchSummary>;
}

type Ports = { store: OwnSide['store']; serviceStore: ServiceStore; views: Views };

export function ownSide({ store, serviceStore, views }: Ports, simulated: boolean): OwnSide {
  return {
    store: {
      getRun: (id) => store.getRun(id),
      listDurations: (account, model, limit) => store.listDurations(account, model, limit),
      listCosts: (filter) => store.listCosts({ ...filter, simulated }),
      moveAccount: (runId, from, to) => store.moveAccount(runId, from, to),
    },
    serviceStore: ownQueues(serviceStore, simulated),
    views: ownViews(views, simulated),
    everyAlert: async (filter) =>
      (await serviceStore.listAlerts(filter)).map((alert) =>
        isOfSandbox(alert) ? { ...withPlainName(alert), title: `${alert.title}${simulatedWord}` } : alert,
      ),
  };
}

/** What was told of sums belongs to the sums that it was told of. */
const ownCursors: readonly string[] = ['savings_milestone', 'daily_report'];
const ownDuties: readonly string[] = ['alerts', 'daily_report'];
/** Receivers of webhooks are the same for both. */
const sharedAlert = 'delivery_failing';
/** After a name, and after a title. */
const simulatedWord = ' (simulated)';

function ownQueues(serviceStore: ServiceStore, isSimulated: boolean): ServiceStore {
  const own = (name: string) => (isSimulated ? `${name}${simulatedWord}` : name);
  const ownCursor = (name: string) => (ownCursors.includes(name) ? own(name) : name);
  const ownAlert = (name: string) => (name === sharedAlert ? name : own(name));
  return {
    ...serviceStore,
    listQueues: async () => (await serviceStore.listQueues()).filter(({ simulated }) => simulated === isSimulated),
    listUnserved: async (accounts) =>
      (await serviceStore.listUnserved(accounts)).filter(({ simulated }) => simulated === isSimulated),
    claimDuty: (name, ...more) => serviceStore.claimDuty(ownDuties.includes(name) ? own(name) : name, ...more),
    raiseAlert: (alert, now) => serviceStore.raiseAlert({ ...alert, name: ownAlert(alert.name) }, now),
    resolveAlert: (name, subject, now) => serviceStore.resolveAlert(ownAlert(name), subject, now),
    listAlerts: async ({ limit, ...filter }) =>
      (await serviceStore.listAlerts({ ...filter, limit: 2 * limit }))
        .filter((alert) => alert.name === sharedAlert || isOfSandbox(alert) === isSimulated)
        .slice(0, limit)
        .map(withPlainName),
    lastMark: (name) => serviceStore.lastMark(own(name)),
    sealQueues: (runIds, now, mark) =>
      serviceStore.sealQueues(runIds, now, ...(mark ? [{ ...mark, name: own(mark.name) }] : [])),
    getCursor: (name) => serviceStore.getCursor(ownCursor(name)),
    planFrom: (cursor, deliveries, now) =>
      serviceStore.planFrom({ ...cursor, name: ownCursor(cursor.name) }, deliveries, now),
  };
}

function isOfSandbox({ name }: Alert): boolean {
  return name.endsWith(simulatedWord);
}

function withPlainName(alert: Alert): Alert {
  return isOfSandbox(alert) ? { ...alert, name: alert.name.slice(0, -simulatedWord.length) } : alert;
}

export function ownViews(views: Views, simulated: boolean): OwnViews {
  return {
    ...views,
    totals: () => views.totals({ simulated }),
    totalsByQueue: () => views.totalsByQueue({ simulated }),
    listSpending: (since) => views.listSpending({ since, simulated }),
    everyRun: (filter) =>
      only(
        simulated,
        everyRow<RunSummary>(
          ({ seq }) => seq,
          ({ before, limit }) =>
            views.listRuns({ ...filter, limit, ...(before === undefined ? {} : { beforeSeq: before }) }),
        ),
      ),
    everyBatch: (filter) =>
      only(
        simulated,
        everyRow<BatchSummary>(
          ({ id }) => id,
          (page) => views.listBatches({ ...filter, ...page }),
        ),
      ),
  };
}

/** Left out here and not by the store, whose pages stay short however many rows of the other side lie between. */
async function* only<Row extends { simulated: boolean }>(
  simulated: boolean,
  rows: AsyncIterable<Row>,
): AsyncGenerator<Row> {
  for await (const row of rows) if (row.simulated === simulated) yield row;
}
