import type { Clock } from '../clock.ts';
import { messageOf, OffpeakError } from '../errors.ts';
import type { Offpeak } from '../offpeak.ts';
import type { Provider } from '../provider.ts';
import type { QueuedJob, ServiceStore } from '../service-store.ts';
import type { Store } from '../store.ts';
import { chunkRows } from '../store-rows.ts';
import type { Views } from '../views.ts';
import type { Batch } from './contract/batches.ts';
import { jobTypes } from './contract/words.ts';
import { createJobControls } from './job-controls.ts';
import { createJobWriter, type StoredJob } from './job-writer.ts';
import type { Log } from './log.ts';
import { type Preparation, prepareJob } from './prepare-job.ts';
import { jobIdOf } from './public-ids.ts';
import { createQueueGauge } from './queue-gauge.ts';
import { queueStatusOf } from './queue-status.ts';
import { createQueueSender } from './send-queues.ts';
import type { Processed, ProcessInput, QueueInput, QueueOptions, QueueOutcome, Queues } from './service.ts';
import { type CurrentSettings, createSettingsStore } from './settings-store.ts';

export interface QueuesOptions {
  offpeak: Pick<Offpeak, 'packQueue' | 'retry' | 'cancel'>;
  store: Pick<Store, 'getRun'>;
  serviceStore: ServiceStore;
  views: Pick<Views, 'getJob' | 'getBatch' | 'listRuns' | 'listBatches'>;
  /** Those that can be asked: with a key, where one is needed. */
  providers: readonly Provider[];
  clock: Clock;
  log: Log;
  /** Why nothing may be sent to an address, by the look of it: `checkPublicUrl`. */
  problemWithUrl: (url: string) => string | undefined;
  /** The batches of a run that were made after one, as they are shown, oldest first. */
  showBatches: (runId: string, afterBatch: number) => Promise<Batch[]>;
  /** A trigger may have come: `send` is to be called soon. */
  onReached?: () => void;
  /** There is work for the workers. */
  onWork?: () => void;
}

/** Queues, and what the service does for them by itself. */
export interface QueuesAtWork extends Queues {
  /** Sends the queues whose trigger has come; to be called every few seconds. */
  send(): Promise<void>;
}

/** Everything that takes jobs in and sends their queues. */
export function createQueues(options: QueuesOptions): QueuesAtWork {
  const { serviceStore, clock, log, onReached = () => {}, onWork = () => {} } = options;
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  const isSimulated = options.providers.some(({ simulated }) => simulated);
  const settings = createSettingsStore({
    serviceStore,
    clock,
    problemWithUrl: options.problemWithUrl,
    onUnreadable: (name) => log('warn', `The setting ${name} cannot be read: its default holds.`, { setting: name }),
  });
  const gauge = createQueueGauge();
  const sender = createQueueSender({ serviceStore, settings, providers, gauge, clock, log, onWork });
  const writer = createJobWriter({
    serviceStore,
    clock,
    onStored: (jobs) => {
      if (seen && isReached(sender, jobs, seen)) onReached();
    },
  });
  /** The settings with which the latest jobs were made. */
  let seen: CurrentSettings | undefined;

  const prepare = async (inputs: readonly QueueInput[]): Promise<Prepared> => {
    seen = await settings.get();
    const { default_models: defaultModels } = seen.settings;
    return prepareAll(inputs, { providers, defaultModels, problemWithUrl: options.problemWithUrl });
  };
  const write = ({ outcomes, jobs, places }: Prepared, options?: QueueOptions): Promise<QueueOutcome[]> =>
    writer.write(jobs, options).then((answers) => {
      for (const [at, { index, queue }] of places.entries()) {
        const answer = answers[at];
        if (answer !== undefined) outcomes[index] = outcomeOf(queue, answer);
      }
      const [fault] = answers;
      // Nothing is in the store: a fault of the whole call. Else those that are keep their answers.
      if (fault instanceof Error && answers.every((answer) => answer instanceof Error)) throw fault;
      return outcomes;
    });

  return {
    // In two steps, of which the second keeps nothing of the jobs while they are written.
    queue: (inputs, options) => prepare(inputs).then((prepared) => write(prepared, options)),
    async status() {
      const { settings: now } = await settings.get();
      return queueStatusOf(await serviceStore.listQueues(), now, await sender.nextScheduled());
    },
    process: (input) => processQueue(options, providers, input),
    async processAll() {
      const queues = await serviceStore.listQueues();
      const sealed = await serviceStore.sealQueues(
        queues.map(({ runId }) => runId),
        clock.now(),
      );
      if (sealed === 'marked') return [];
      for (const runId of sealed) log('info', 'A queue is sent by hand.', { trigger: 'hand', run_id: runId });
      if (sealed.length > 0) onWork();
      return sealed;
    },
    settings: async () => (await settings.get()).settings,
    async changeSettings(decide) {
      let names: string[] = [];
      const { settings: changed } = await settings.change((before) => {
        const change = decide(before);
        names = Object.keys(change);
        return change;
      });
      if (names.length === 0) return changed;
      log('info', 'Settings were changed.', { settings: names });
      onReached();
      return changed;
    },
    fault: writer.fault,
    nextScheduled: () => sender.nextScheduled(),
    ...createJobControls({ ...options, isSimulated, onWork }),
    send: () => sender.send(),
  };
}

interface Prepared {
  /** Of those that are refused; the others follow. */
  outcomes: QueueOutcome[];
  jobs: QueuedJob[];
  /** Where each job stands among the outcomes, and its queue. */
  places: { index: number; queue: string }[];
}

/** Jobs that are made in one go, so that thousands of them do not hold the event loop: some 10 us each. */
const preparedAtOnce = 500;

async function prepareAll(inputs: readonly QueueInput[], preparation: Preparation): Promise<Prepared> {
  const prepared: Prepared = { outcomes: new Array(inputs.length), jobs: [], places: [] };
  for (const [index, input] of inputs.entries()) {
    if (index > 0 && index % preparedAtOnce === 0) await nextTurn();
    const job = prepareJob(input, preparation);
    if ('refusal' in job) {
      prepared.outcomes[index] = { type: 'refused', ...job.refusal };
    } else {
      prepared.jobs.push(job.value);
      prepared.places.push({ index, queue: job.value.queue });
    }
  }
  return prepared;
}

function outcomeOf(queue: string, answer: Awaited<ReturnType<ServiceStore['enqueue']>>[number] | Error): QueueOutcome {
  if (answer instanceof Error) {
    return { type: 'refused', field: '', message: `was not stored, queue it again: ${messageOf(answer)}` };
  }
  if (answer.type === 'conflict') {
    return { type: 'conflict', message: 'The idempotency key was used for another job before: give this one its own.' };
  }
  return { type: answer.type, jobId: jobIdOf(queue, answer.job), runId: answer.runId };
}

function isReached(
  sender: ReturnType<typeof createQueueSender>,
  stored: readonly StoredJob[],
  current: CurrentSettings,
): boolean {
  const sums = new Map<string, { jobType: string; provider: string; count: number; bytes: number }>();
  for (const { queue, provider, bytes } of stored) {
    const key = `${queue}:${provider}`;
    const sum = sums.get(key) ?? { jobType: queue, provider, count: 0, bytes: 0 };
    sum.count += 1;
    sum.bytes += bytes;
    sums.set(key, sum);
  }
  // Every one is counted, whatever the first says.
  return [...sums.values()].map((sum) => sender.isReached(sum, current)).some((reached) => reached);
}

/** Lets the foremost jobs go and packs them; what goes realtime the workers call. */
async function processQueue(
  { serviceStore, views, offpeak, showBatches, problemWithUrl, log, onWork = () => {} }: QueuesOptions,
  providers: ReadonlyMap<string, Provider>,
  { jobType, provider, maxJobs, callbackUrl }: ProcessInput,
): Promise<Processed> {
  if (!jobTypes.some((known) => known === jobType)) {
    throw new OffpeakError(`There is no job type ${jobType}: there are ${jobTypes.join(', ')}.`, { code: 'usage' });
  }
  if (!providers.has(provider)) {
    const names = [...providers.keys()].join(', ') || 'none';
    throw new OffpeakError(`The provider ${provider} is not configured here; configured: ${names}.`, { code: 'usage' });
  }
  const problem = callbackUrl === undefined ? undefined : problemWithUrl(callbackUrl);
  if (problem !== undefined) throw new OffpeakError(`callback_url: ${problem}`, { code: 'usage' });
  const queue = (await serviceStore.listQueues()).find((each) => each.queue === jobType && each.provider === provider);
  if (!queue) return { runId: undefined, batches: [], jobs: 0 };
  const { runId } = queue;
  const [before] = await views.listBatches({ runId, limit: 1 });
  const jobs = await releaseJobs(serviceStore, runId, maxJobs, callbackUrl);
  if (jobs === 0) return { runId: undefined, batches: [], jobs };
  await offpeak.packQueue(runId);
  log('info', `The first ${jobs} jobs of the queue ${jobType} at ${provider} are sent by hand.`, {
    trigger: 'hand',
    run_id: runId,
    job_type: jobType,
    provider,
    jobs,
  });
  onWork();
  // A worker that was awake may have packed a part of them.
  return { runId, batches: await showBatches(runId, before?.id ?? 0), jobs };
}

async function releaseJobs(
  serviceStore: ServiceStore,
  runId: string,
  most: number,
  callbackUrl: string | undefined,
): Promise<number> {
  let jobs = 0;
  while (jobs < most) {
    const chunk = await serviceStore.release(runId, Math.min(chunkRows, most - jobs), callbackUrl);
    if (chunk === 0) break;
    jobs += chunk;
    await nextTurn();
  }
  return jobs;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
