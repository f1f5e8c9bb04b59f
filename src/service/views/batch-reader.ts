import type { Clock } from '../../clock.ts';
import type { Store } from '../../store.ts';
import type { BatchSummary, StoreEvent, Views } from '../../views.ts';
import type { Batch } from '../contract/batches.ts';
import { batchIdOf, parseBatchId } from '../public-ids.ts';
import type { ServiceViews } from '../service.ts';
import { toBatch, toBatchDetails } from './batch-view.ts';
import { toServerEvent } from './event-view.ts';
import { createExpectedEnd } from './expected-end.ts';
import { everyRow, pageOf } from './pages.ts';
import { notFound } from './refusals.ts';

export interface BatchReader {
  show(batches: readonly BatchSummary[]): Promise<Batch[]>;
  page: ServiceViews['batches'];
  active: ServiceViews['active'];
  details: ServiceViews['batch'];
  events: ServiceViews['events'];
  /** The batch of a public id; throws `not_found`. */
  find(batchId: string): Promise<BatchSummary>;
}

/** States that a batch's timeline shows; one that is sent again and again has more. */
const timelineLength = 500;
/** Batches whose provider is remembered, for events, which do not name it. */
const providersKept = 10_000;

export function createBatchReader(source: {
  views: Pick<Views, 'getBatch' | 'listBatches' | 'listEvents'>;
  store: Pick<Store, 'listDurations'>;
  clock: Clock;
}): BatchReader {
  const { views, store, clock } = source;
  const expectedEnd = createExpectedEnd(store, clock);
  const providers = new Map<number, string>();

  const moment = async (batch: BatchSummary) => ({ now: clock.now(), expectedEndAt: await expectedEnd(batch) });
  const showOne = async (batch: BatchSummary): Promise<Batch> => toBatch(batch, await moment(batch));
  const show: BatchReader['show'] = async (batches) => {
    const shown: Batch[] = [];
    for (const batch of batches) shown.push(await showOne(batch));
    return shown;
  };

  const find: BatchReader['find'] = async (batchId) => {
    const id = parseBatchId(batchId);
    const batch = id === undefined ? undefined : await views.getBatch(id.batch);
    if (!batch || batch.provider !== id?.provider) throw notFound('batch', batchId);
    return batch;
  };

  const publicIdOf = async ({ batchId }: StoreEvent): Promise<string | null> => {
    if (batchId === undefined) return null;
    const known = providers.get(batchId) ?? (await views.getBatch(batchId))?.provider;
    if (known === undefined) return null;
    if (providers.size >= providersKept) providers.clear();
    providers.set(batchId, known);
    return batchIdOf(known, batchId);
  };

  return {
    show,
    find,
    page: async ({ before, limit, runId, jobType, provider, openOnly }) => {
      const { rows, next } = await pageOf<BatchSummary>(
        limit,
        ({ id }) => id,
        (most) =>
          views.listBatches({
            limit: most,
            ...(before === undefined ? {} : { before }),
            ...(runId === undefined ? {} : { runId }),
            ...(jobType === undefined ? {} : { queue: jobType }),
            ...(provider === undefined ? {} : { provider }),
            ...(openOnly === undefined ? {} : { openOnly }),
          }),
      );
      return { batches: await show(rows), next_before: next };
    },
    active: async () => {
      const batches: Batch[] = [];
      const open = everyRow<BatchSummary>(
        ({ id }) => id,
        (page) => views.listBatches({ ...page, openOnly: true }),
      );
      for await (const batch of open) batches.push(await showOne(batch));
      return batches;
    },
    details: async (batchId) => {
      const batch = await find(batchId);
      const events = await views.listEvents({ after: 0, limit: timelineLength, batchId: batch.id });
      return toBatchDetails(batch, await moment(batch), events);
    },
    events: async ({ batchId, ...filter }) => {
      const id = batchId === undefined ? {} : { batchId: (await find(batchId)).id };
      const events = await views.listEvents({ ...filter, ...id });
      const shown = [];
      for (const event of events) shown.push(toServerEvent(event, await publicIdOf(event)));
      return shown;
    },
  };
}
