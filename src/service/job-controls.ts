import { OffpeakError } from '../errors.ts';
import type { Offpeak } from '../offpeak.ts';
import type { Run } from '../run.ts';
import type { ServiceStore } from '../service-store.ts';
import type { Store } from '../store.ts';
import type { Views } from '../views.ts';
import type { Log } from './log.ts';
import { batchIdOf, jobIdOf, parseBatchId, parseJobId } from './public-ids.ts';
import type { Queues } from './service.ts';

export interface JobControlsOptions {
  offpeak: Pick<Offpeak, 'retry' | 'cancel'>;
  store: Pick<Store, 'getRun'>;
  serviceStore: Pick<ServiceStore, 'cancelJob' | 'requeueJob' | 'cancelBatch'>;
  views: Pick<Views, 'getJob' | 'getBatch' | 'listRuns'>;
  /** Works with the sandbox: real work is not its to touch, nor the other way round. */
  isSimulated: boolean;
  log: Log;
  /** There is work for the workers. */
  onWork: () => void;
}

type JobControls = Pick<Queues, 'cancelJob' | 'retryJob' | 'cancelBatch' | 'cancelRun' | 'retryRun' | 'retryFailed'>;

const runsAtOnce = 100;

/** What a person may do with jobs, batches and runs that are in the store, by their public ids. */
export function createJobControls(options: JobControlsOptions): JobControls {
  const { offpeak, store, serviceStore, views, isSimulated, log, onWork } = options;

  const checkRun = async (runId: string): Promise<void> => {
    const run = await store.getRun(runId);
    if (!run) throw notFound('run', runId);
    if (run.simulated !== isSimulated) throw notOurs(run);
  };
  const findJob = async (jobId: string): Promise<number> => {
    const parsed = parseJobId(jobId);
    const found = parsed && (await views.getJob(parsed.job));
    // The number alone is not the id: the type must be the job's.
    if (!found || jobIdOf(found.queue, found.id) !== jobId) throw notFound('job', jobId);
    await checkRun(found.runId);
    return found.id;
  };

  return {
    async cancelJob(jobId) {
      const outcome = await serviceStore.cancelJob(await findJob(jobId));
      if (outcome === undefined) throw notFound('job', jobId);
      log('info', 'A job is to be cancelled.', { job_id: jobId, outcome });
      return outcome;
    },
    async retryJob(jobId) {
      const outcome = await serviceStore.requeueJob(await findJob(jobId));
      if (outcome === undefined) throw notFound('job', jobId);
      if (outcome) onWork();
      log('info', 'A job is to be tried again.', { job_id: jobId, outcome });
      return outcome;
    },
    async cancelBatch(batchId) {
      const parsed = parseBatchId(batchId);
      const found = parsed && (await views.getBatch(parsed.batch));
      if (!found || batchIdOf(found.provider, found.id) !== batchId) throw notFound('batch', batchId);
      await checkRun(found.runId);
      const outcome = await serviceStore.cancelBatch(found.id);
      if (outcome === undefined) throw notFound('batch', batchId);
      if (outcome) onWork();
      log('info', 'A batch is to be cancelled.', { batch_id: batchId, run_id: found.runId, outcome });
      return outcome;
    },
    async cancelRun(runId) {
      await checkRun(runId);
      await offpeak.cancel(runId);
      onWork();
      log('info', 'A run is to be cancelled.', { run_id: runId });
    },
    async retryRun(runId, states) {
      await checkRun(runId);
      const requeued = await offpeak.retry(runId, states);
      if (requeued > 0) onWork();
      log('info', 'Jobs of a run are to be tried again.', { run_id: runId, states, jobs: requeued });
      return requeued;
    },
    async retryFailed({ jobType = '*', provider }) {
      let requeued = 0;
      let beforeSeq: number | undefined;
      for (;;) {
        const runs = await views.listRuns({
          limit: runsAtOnce,
          queue: jobType,
          ...(provider === undefined ? {} : { provider }),
          ...(beforeSeq === undefined ? {} : { beforeSeq }),
        });
        for (const run of runs) {
          const isOurs = run.simulated === isSimulated && run.counts.failed > 0;
          if (isOurs) requeued += await offpeak.retry(run.id, ['failed']);
        }
        beforeSeq = runs.at(-1)?.seq;
        if (runs.length < runsAtOnce) break;
      }
      if (requeued > 0) onWork();
      log('info', 'Failed jobs are to be tried again.', { job_type: jobType, provider, jobs: requeued });
      return requeued;
    },
  };
}

function notFound(what: string, id: string): OffpeakError {
  return new OffpeakError(`There is no ${what} ${id.slice(0, 100)}.`, { code: 'not_found' });
}

function notOurs({ id, simulated }: Run): OffpeakError {
  const [its, ours] = simulated ? ['the sandbox', 'real providers'] : ['a real provider', 'the sandbox'];
  const remedy = simulated ? 'with --sandbox' : 'without --sandbox';
  return new OffpeakError(
    `Run ${id} is work for ${its}, and this server has ${ours}. Ask one that was started ${remedy}.`,
    {
      code: 'conflict',
    },
  );
}
