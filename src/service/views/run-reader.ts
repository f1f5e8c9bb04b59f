import { runStates } from '../../run.ts';
import type { Store } from '../../store.ts';
import type { RunSummary, Views } from '../../views.ts';
import type { ServiceViews } from '../service.ts';
import type { BatchReader } from './batch-reader.ts';
import { pageOf } from './pages.ts';
import { notFound, oneOf } from './refusals.ts';
import { toRun, toRunDetails } from './run-view.ts';

export interface RunReader {
  details: ServiceViews['run'];
  page: ServiceViews['runs'];
}

/** Batches that are shown with a run; the rest are listed by page. */
const batchesShown = 50;

export function createRunReader(source: {
  views: Pick<Views, 'listRuns' | 'listBatches' | 'listFailures'>;
  store: Pick<Store, 'getRun'>;
  batches: Pick<BatchReader, 'show'>;
}): RunReader {
  const { views, store, batches } = source;
  return {
    details: async (runId) => {
      const run = await store.getRun(runId);
      if (!run) throw notFound('run', runId);
      return toRunDetails(run, {
        failures: run.counts.failed === 0 ? [] : await views.listFailures(run.id),
        batches: await batches.show(await views.listBatches({ runId: run.id, limit: batchesShown })),
      });
    },
    page: async ({ before, limit, jobType, provider, state, search }) => {
      const wanted = state === undefined ? undefined : oneOf('state', state, runStates);
      const { rows, next } = await pageOf<RunSummary>(
        limit,
        ({ seq }) => seq,
        (most) =>
          views.listRuns({
            limit: most,
            ...(before === undefined ? {} : { beforeSeq: before }),
            ...(jobType === undefined ? {} : { queue: jobType }),
            ...(provider === undefined ? {} : { provider }),
            ...(wanted === undefined ? {} : { state: wanted }),
            ...(search === undefined ? {} : { search }),
          }),
      );
      return { runs: rows.map(toRun), next_before: next };
    },
  };
}
