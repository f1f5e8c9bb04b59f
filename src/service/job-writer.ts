import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Enqueued, QueuedJob, ServiceStore } from '../service-store.ts';

/** Writes jobs of many callers in few transactions. */
export interface JobWriter {
  /**
   * Durable when it resolves; the answers stand in the order of the jobs. Calls of one caller are stored in their order. An error in the place of an answer: that job
   * is not in the store.
   */
  write(jobs: readonly QueuedJob[], caller?: object): Promise<(Enqueued | Error)[]>;
  /** Why the store has taken none of the last jobs; it is tried again, so this is forgotten after a while. */
  fault(): string | undefined;
}

/** Without jobs nobody finds out that the store takes them again. */
const faultKeptMs = 10_000;

/**
 * Jobs of one transaction: enough that its commit costs little beside them, few enough that the next is made ready while
 * it is written, and that all are gone before the garbage collector has moved them twice.
 */
const mostJobs = 125;
/** Bytes of one transaction, so that large bodies do not hold the event loop. */
const chunkBytes = 2 * 1024 * 1024;
/** Transactions under way; another only with so many jobs, else they would be small and many. */
const mostWriting = 3;
const fewestJobs = 32;

interface Call {
  caller: object | undefined;
  jobs: readonly QueuedJob[];
  /** The next that is not in a transaction yet. */
  next: number;
  left: number;
  answers: (Enqueued | Error)[];
  resolve: (answers: (Enqueued | Error)[]) => void;
}

interface Place {
  call: Call;
  index: number;
}

/**
 * Group commit. A commit costs the same for one job and for hundreds, so whatever is asked for in one turn of the event
 * loop, and while a transaction is under way, goes into the next one. There is no timer: a lone job is written in the
 * turn in which it came. Measured on this class of machine (`baselines.md`): 5.7k requests/s commit by commit, 37.8k so.
 */
export function createJobWriter(options: { serviceStore: Pick<ServiceStore, 'enqueue'>; clock: Clock }): JobWriter {
  const { serviceStore, clock } = options;
  let waiting: Call[] = [];
  /** In all of them, in no transaction yet. */
  let waitingJobs = 0;
  let writing = 0;
  let isPlanned = false;
  let fault: { message: string; at: number } | undefined;

  const mayWrite = (): boolean =>
    writing === 0 ? waitingJobs > 0 : writing < mostWriting && waitingJobs >= fewestJobs;

  /** After everything that arrived in this turn. */
  const plan = (): void => {
    if (isPlanned || !mayWrite()) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      while (mayWrite()) void writeNext();
    });
  };

  const writeNext = async (): Promise<void> => {
    // Half of what waits, so that callers in step with each other are answered while the other half is written.
    const places = takeChunk(waiting, Math.min(mostJobs, Math.max(fewestJobs, Math.ceil(waitingJobs / 2))));
    waiting = waiting.filter((call) => call.next < call.jobs.length);
    waitingJobs -= places.length;
    writing += 1;
    // Never throws: what goes wrong is the answer of each of its jobs.
    const answers = await writeChunk(serviceStore, places, clock.now());
    writing -= 1;
    const [first] = answers;
    fault = first instanceof Error ? { message: messageOf(first), at: clock.now() } : undefined;
    places.forEach(({ call, index }, at) => {
      call.answers[index] = answers[at] ?? new Error('the store gave no answer for this job');
      call.left -= 1;
      if (call.left === 0) call.resolve(call.answers);
    });
    // What was answered can be heard, and what was sent meanwhile can come in.
    plan();
  };

  return {
    write(jobs, caller) {
      if (jobs.length === 0) return Promise.resolve([]);
      return new Promise((resolve) => {
        waiting.push({ caller, jobs, next: 0, left: jobs.length, answers: new Array(jobs.length), resolve });
        waitingJobs += jobs.length;
        plan();
      });
    },
    fault: () => (fault && Math.abs(clock.now() - fault.at) < faultKeptMs ? fault.message : undefined),
  };
}

/** Of every call its share, so that one with thousands of jobs does not keep the others waiting; in each its own order. */
function takeChunk(calls: readonly Call[], most: number): Place[] {
  const places: Place[] = [];
  const share = Math.max(1, Math.ceil(most / calls.length));
  /** Of whom some jobs stay behind: no later call of theirs may pass them. */
  const behind = new Set<object>();
  let bytes = 0;
  for (const call of calls) {
    if (call.caller && behind.has(call.caller)) continue;
    const end = Math.min(call.next + share, call.jobs.length);
    for (; call.next < end && places.length < most && bytes < chunkBytes; call.next += 1) {
      const job = call.jobs[call.next];
      bytes += (job?.request.body.length ?? 0) + (job?.data.length ?? 0);
      places.push({ call, index: call.next });
    }
    if (call.caller && call.next < call.jobs.length) behind.add(call.caller);
  }
  return places;
}

async function writeChunk(
  serviceStore: Pick<ServiceStore, 'enqueue'>,
  places: readonly Place[],
  now: number,
): Promise<(Enqueued | Error)[]> {
  try {
    const jobs = places.flatMap(({ call, index }) => call.jobs[index] ?? []);
    return await serviceStore.enqueue(jobs, now);
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(messageOf(error));
    return places.map(() => reason);
  }
}
