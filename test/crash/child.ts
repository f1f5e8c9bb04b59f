import { crashpoint } from '../../src/cli/crashpoint.ts';
import { systemClock } from '../../src/clock.ts';
import type { Run } from '../../src/run.ts';
import { createDocumentsSource } from '../support/documents-source.ts';
import { type EngineUnderTest, openEngine } from '../support/engine-under-test.ts';
import type { ProviderName } from '../support/providers-under-test.ts';

/** What one process of the crash matrix is told to do; its only argument, as JSON. */
export interface ChildOrder {
  home: string;
  url: string;
  api: ProviderName;
  mode: 'batch' | 'realtime' | 'auto';
  keys: readonly string[];
  /** Most requests of a batch; absent: those of the provider. */
  maxRequests?: number;
  /** Ask for the run's end once everything is at the provider. */
  cancels?: boolean;
  /** Once everything is at the provider, it is that late: the batches are given up for it. */
  deadlineAt?: number;
}

/** What it says at its end. */
export interface ChildReport {
  state: string;
  succeeded: number;
  failed: number;
  cancelled: number;
  maxRssMb: number;
}

/** Much of a killed command, without its terminal: it starts in a third of the time. The provider is another process. */
async function work(order: ChildOrder): Promise<ChildReport> {
  let aheadMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + aheadMs };
  const engine = openEngine(() => {}, {
    ...order,
    ...(order.deadlineAt === undefined ? {} : { clock }),
    limits: order.maxRequests === undefined ? {} : { maxRequests: order.maxRequests },
    source: createDocumentsSource(order.keys),
    crashpoint: crashpoint(process.env),
    maxUnavailable: Number.POSITIVE_INFINITY,
  });
  const isPrepared = order.cancels || order.deadlineAt !== undefined;
  const run = isPrepared ? await submitFirst(engine, order) : await engine.begin('', how(order));
  if (order.cancels) await engine.offpeak.cancel(run.id);
  if (order.deadlineAt !== undefined) aheadMs = order.deadlineAt - Date.now();
  const ended = await engine.finish(run);
  await engine.close();
  const { succeeded, failed, cancelled } = ended.counts;
  const maxRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  return { state: ended.state, succeeded, failed, cancelled, maxRssMb };
}

function how({ mode, deadlineAt }: ChildOrder) {
  return { mode, maxAttempts: 6, ...(deadlineAt === undefined ? {} : { deadlineAt }) };
}

/** The run that is there; the first process begins and submits it. */
async function submitFirst(engine: EngineUnderTest, order: ChildOrder): Promise<Run> {
  const { offpeak, store } = engine;
  const [latest] = await store.listRuns({ limit: 1 });
  if (latest) return latest;
  const run = await engine.begin('', how(order));
  await offpeak.fill(run);
  await offpeak.worker({ runId: run.id, untilSubmitted: true }).run();
  return run;
}

// Left over by a test that was broken off, it would go on for ever.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 1_000).unref();

const order = JSON.parse(process.argv[2] ?? '{}') as ChildOrder;
process.stdout.write(`${JSON.stringify(await work(order))}\n`);
