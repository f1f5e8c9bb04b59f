import { z } from 'zod';
import { jobState, jobType, providerName, runState } from '../service/contract/words.ts';

/** What stands in paths and queries. All strict: an unknown name is refused, not ignored. */

const id = z.string().min(1).max(200);
/** A row's id, or 0 for the beginning. */
const cursor = z.coerce.number().int().min(0);
const flag = z.enum(['true', 'false']);
const search = z.string().max(200);
const pageLimit = z.coerce.number().int().min(1).max(200).default(50);

export const jobParams = z.strictObject({ job_id: id });
export const runParams = z.strictObject({ run_id: id });
export const batchParams = z.strictObject({ batch_id: id });
export const deliveryParams = z.strictObject({ delivery_id: z.coerce.number().int().min(1) });

export const jobsQuery = z.strictObject({
  run_id: id.optional(),
  batch_id: id.optional(),
  /** May be given several times. */
  state: z.union([jobState, z.array(jobState).max(10)]).optional(),
  search: search.optional(),
  before: cursor.optional(),
  limit: pageLimit,
});
export const runsQuery = z.strictObject({
  job_type: z.union([jobType, z.literal('*')]).optional(),
  provider: providerName.optional(),
  state: runState.optional(),
  search: search.optional(),
  before: cursor.optional(),
  limit: pageLimit,
});
export const batchesQuery = z.strictObject({
  run_id: id.optional(),
  job_type: jobType.optional(),
  provider: providerName.optional(),
  open: flag.default('false'),
  before: cursor.optional(),
  limit: pageLimit,
});
export const deliveriesQuery = z.strictObject({
  job_id: id.optional(),
  state: z.enum(['pending', 'delivered', 'failed']).optional(),
  before: cursor.optional(),
  limit: pageLimit,
});
export const batchResultsQuery = z.strictObject({
  after: cursor.default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
export const resultsQuery = z.strictObject({
  /** The `cursor` of the last row that is known already. */
  after: cursor.default(0),
  /** At most so many rows; without it, all there are. */
  limit: z.coerce.number().int().min(1).optional(),
});
export const runResultsQuery = resultsQuery.extend({ follow: flag.default('false') });
export const eventsQuery = z.strictObject({
  after: cursor.optional(),
  run_id: id.optional(),
  batch_id: id.optional(),
});
export const metricsQuery = z.strictObject({ category: z.string().min(1).max(100).optional() });
export const reportQuery = z.strictObject({
  days: z.coerce.number().int().min(1).max(366).default(30),
  format: z.enum(['json', 'markdown']).default('json'),
});
export const alertsQuery = z.strictObject({
  /** Also those that are resolved. */
  all: flag.default('false'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const costsQuery = z.strictObject({
  by: z.enum(['day', 'job_type', 'provider', 'model', 'run']).default('day'),
  since: z.iso.date().optional(),
});
export const providersQuery = z.strictObject({ check: flag.default('false') });
export const retryFailedRequest = z
  .strictObject({ job_type: jobType.optional(), provider: providerName.optional() })
  .meta({ id: 'RetryFailedRequest' });
export const embeddingsQuery = z.strictObject({ priority: z.coerce.number().int().min(1).max(10).default(5) });
