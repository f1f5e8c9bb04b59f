import { OffpeakError } from '../../errors.ts';
import { jobStates } from '../../job.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { JobDetails, Views } from '../../views.ts';
import { type JobId, jobIdOf, parseJobId } from '../public-ids.ts';
import type { ServiceViews } from '../service.ts';
import type { BatchReader } from './batch-reader.ts';
import { toJob, toJobDetails } from './job-view.ts';
import { notFound, oneOf } from './refusals.ts';
import { toResult } from './result-view.ts';

export interface JobReader {
  details: ServiceViews['job'];
  page: ServiceViews['jobs'];
  results: ServiceViews['results'];
}

/** Deliveries that are named with a job; the rest are listed by page. */
const deliveriesShown = 20;

export function createJobReader(source: {
  views: Pick<Views, 'getJob' | 'listJobs' | 'readFeed'>;
  service: Pick<ServiceStore, 'listDeliveries'>;
  batches: Pick<BatchReader, 'find'>;
}): JobReader {
  const { views, service, batches } = source;

  /** The type is part of the id: with another type it names no job. */
  const jobOf = async (id: JobId | undefined): Promise<JobDetails | undefined> => {
    const job = id === undefined ? undefined : await views.getJob(id.job);
    return job && job.queue === id?.jobType ? job : undefined;
  };
  const publicIdOf = async (job: number): Promise<string> => jobIdOf((await views.getJob(job))?.queue, job);

  return {
    details: async (jobId) => {
      const job = await jobOf(parseJobId(jobId));
      if (!job) throw notFound('job', jobId);
      const reusedFrom = job.reusedFrom === undefined ? null : await publicIdOf(job.reusedFrom);
      return toJobDetails(job, reusedFrom, await service.listDeliveries({ job: job.id, limit: deliveriesShown }));
    },
    page: async (filter) => {
      const { before, limit, runId, batchId, states, search } = filter;
      const wanted = states?.map((state) => oneOf('states', state, jobStates));
      const batch = batchId === undefined ? undefined : await batches.find(batchId);
      const named = search === undefined ? undefined : await jobOf(parseJobId(search));
      if (named) {
        const isAmong =
          (runId === undefined || named.runId === runId) &&
          (batch === undefined || named.batchId === batch.id) &&
          (wanted === undefined || wanted.includes(named.state));
        return { jobs: isAmong && before === undefined ? [toJob(named)] : [], next_before: null };
      }
      if (search !== undefined && runId === undefined) {
        throw new OffpeakError('`search` takes a job id, or, together with `run_id`, the beginning of a key.', {
          code: 'usage',
        });
      }
      const { jobs, next } = await views.listJobs({
        limit,
        ...(before === undefined ? {} : { before }),
        ...(runId === undefined ? {} : { runId }),
        ...(batch === undefined ? {} : { batchId: batch.id }),
        ...(wanted === undefined ? {} : { states: wanted }),
        ...(search === undefined ? {} : { keyPrefix: search }),
      });
      return { jobs: jobs.map(toJob), next_before: next ?? null };
    },
    results: async ({ batchId, ...filter }) => {
      const batch = batchId === undefined ? {} : { batchId: (await batches.find(batchId)).id };
      return (await views.readFeed({ ...filter, ...batch })).map(toResult);
    },
  };
}
