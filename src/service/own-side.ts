import type { ServiceStore } from '../service-store.ts';
import type { Store } from '../store.ts';
import type { BatchSummary, QueueTotals, RunSummary, SpendingRow, Totals, Views } from '../views.ts';
import { everyRow } from './views/pages.ts';

/**
 * The three ports as a service sees them that works with the sandbox, or one that does not: on one store, neither sends
 * the other's queues, nor marks its nights as done, nor adds the other's jobs and money to its own.
 */
export interface OwnSide {
  store: Pick<Store, 'getRun' | 'listDurations' | 'listCosts' | 'moveAccount'>;
  serviceStore: ServiceStore;
  views: OwnViews;
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
  };
}

/** How far an alert was told belongs to the sums that it was told of. */
const ownCursors: readonly string[] = ['savings_milestone'];

function ownQueues(serviceStore: ServiceStore, isSimulated: boolean): ServiceStore {
  const own = (name: string) => (isSimulated ? `${name} (simulated)` : name);
  const ownCursor = (name: string) => (ownCursors.includes(name) ? own(name) : name);
  return {
    ...serviceStore,
    listQueues: async () => (await serviceStore.listQueues()).filter(({ simulated }) => simulated === isSimulated),
    listUnserved: async (accounts) =>
      (await serviceStore.listUnserved(accounts)).filter(({ simulated }) => simulated === isSimulated),
    lastMark: (name) => serviceStore.lastMark(own(name)),
    sealQueues: (runIds, now, mark) =>
      serviceStore.sealQueues(runIds, now, ...(mark ? [{ ...mark, name: own(mark.name) }] : [])),
    getCursor: (name) => serviceStore.getCursor(ownCursor(name)),
    planFrom: (cursor, deliveries, now) =>
      serviceStore.planFrom({ ...cursor, name: ownCursor(cursor.name) }, deliveries, now),
  };
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
