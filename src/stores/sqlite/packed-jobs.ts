import type { QueuedJob } from '../../service-store.ts';

/**
 * Jobs on their way to the thread of a store. A clone spells out the name of each field of each object; for a job as it is,
 * that takes three times as long as its text. So what jobs have in common goes once, and the rest as rows of values.
 */
export interface PackedJobs {
  kinds: Kind[];
  /** So many of each job as `rowLength` says, in the order in which `unpackJobs` takes them. */
  values: unknown[];
}

type Kind = Pick<QueuedJob, 'queue' | 'provider' | 'account' | 'simulated' | 'maxAttempts' | 'model'> & {
  lane: QueuedJob['request']['lane'];
};

type Kinds = keyof Omit<Kind, 'lane'>;
type Lanes = 'provider' | 'account' | 'model' | 'endpoint' | 'mode';
type Sizes = 'inputTokens' | 'maxInputTokens' | 'maxOutputTokens' | 'inputs';
type Nothing<T extends never> = T;
/** Does not compile when a job has a field that is not packed here: it would be lost on its way. */
export type LeftOut = Nothing<
  | Exclude<keyof QueuedJob, Kinds | 'priority' | 'request' | 'data' | 'callbackUrl' | 'idempotency'>
  | Exclude<keyof QueuedJob['request'], 'lane' | 'body' | 'size'>
  | Exclude<keyof Kind['lane'], Lanes>
  | Exclude<keyof QueuedJob['request']['size'], Sizes>
>;

const rowLength = 10;

export function packJobs(jobs: readonly QueuedJob[]): PackedJobs {
  const kinds: Kind[] = [];
  const values: unknown[] = [];
  for (const job of jobs) {
    const { priority, request, data, callbackUrl, idempotency } = job;
    const { inputTokens, maxInputTokens, maxOutputTokens, inputs } = request.size;
    const kind = kindOf(job, kinds);
    values.push(
      kind,
      priority,
      request.body,
      data,
      inputTokens,
      maxInputTokens,
      maxOutputTokens,
      inputs,
      callbackUrl,
      idempotency,
    );
  }
  return { kinds, values };
}

/** They are few: a queue has one or two models. */
function kindOf(job: QueuedJob, kinds: Kind[]): number {
  const { queue, provider, account, simulated, maxAttempts, model, request } = job;
  const { lane } = request;
  const known = kinds.findIndex(
    (kind) =>
      kind.queue === queue &&
      kind.provider === provider &&
      kind.account === account &&
      kind.simulated === simulated &&
      kind.maxAttempts === maxAttempts &&
      kind.model === model &&
      kind.lane.provider === lane.provider &&
      kind.lane.account === lane.account &&
      kind.lane.model === lane.model &&
      kind.lane.endpoint === lane.endpoint &&
      kind.lane.mode === lane.mode,
  );
  if (known >= 0) return known;
  return (
    kinds.push({
      queue,
      provider,
      account,
      simulated,
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      model,
      lane,
    }) - 1
  );
}

export function unpackJobs({ kinds, values }: PackedJobs): QueuedJob[] {
  const jobs: QueuedJob[] = [];
  const splitKinds = kinds.map(({ lane, ...common }) => ({ lane, common }));
  for (let at = 0; at < values.length; at += rowLength) {
    const { lane, common } = splitKinds[values[at] as number] as (typeof splitKinds)[number];
    const size = { inputTokens: values[at + 4], maxInputTokens: values[at + 5] } as QueuedJob['request']['size'];
    if (values[at + 6] !== undefined) size.maxOutputTokens = values[at + 6] as number;
    if (values[at + 7] !== undefined) size.inputs = values[at + 7] as number;
    const job: QueuedJob = {
      ...common,
      priority: values[at + 1] as number,
      request: { lane, body: values[at + 2] as string, size },
      data: values[at + 3] as string,
    };
    if (values[at + 8] !== undefined) job.callbackUrl = values[at + 8] as string;
    if (values[at + 9] !== undefined) job.idempotency = values[at + 9] as NonNullable<QueuedJob['idempotency']>;
    jobs.push(job);
  }
  return jobs;
}
