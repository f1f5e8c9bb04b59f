import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Enqueued, QueuedJob, ServiceStore } from '../service-store.ts';
import type { QueueOptions } from './service.ts';

/** Writes jobs of many callers in few transactions. */
export interface JobWriter {
  /**
   * Durable when it resolves; the answers stand in the order of the jobs. An error in the place of an answer: that job is
   * not in the store. Calls are stored in the order in which they come; large ones, and pieces of one, in their own order,
   * and others go before them. Nothing is kept of a job that is on its way: the garbage collector would move its text twice.
   */
  write(jobs: readonly QueuedJob[], options?: QueueOptions): Promise<(Enqueued | Error)[]>;
  /** Why the store has taken none of the last jobs; it is tried again, so this is forgotten after a while. */
  fault(): string | undefined;
}

/** Without jobs nobody finds out that the store takes them again. */
const faultKeptMs = 10_000;

/**
 * Jobs of one transaction: enough that its commit costs little beside them, few enough that the next is made ready while
 * it is written.
 */
const mostJobs = 250;
/** Bytes of either line in one transaction, so that large bodies do not hold the event loop. */
const chunkBytes = 2 * 1024 * 1024;
/**
 * Transactions under way; another only with so many jobs, else they would be small and many. 64 callers, each with one job
 * at a time: 21,500 a second with 32, 24,000 with 36 to 44, 22,500 with 48; with other numbers of callers all the same.
 */
const mostWriting = 3;
const fewestJobs = 40;

interface Call {
  left: number;
  answers: (Enqueued | Error)[];
  resolve: (answers: (Enqueued | Error)[]) => void;
}

/** In no transaction yet, the next first. */
interface Lines {
  calls: Waiting[];
  pieces: Waiting[];
}

interface Waiting {
  call: Call;
  /** Where its answer belongs. */
  index: number;
  job: QueuedJob;
}

/** What is kept of a job that is on its way. */
interface Place extends Omit<Waiting, 'job'>, StoredJob {}

/** What the queues are to know of a job that was new and is in the store. */
export interface StoredJob {
  queue: string;
  provider: string;
  /** Of its request. */
  bytes: number;
}

export interface JobWriterOptions {
  serviceStore: Pick<ServiceStore, 'enqueue'>;
  clock: Clock;
  /** After each transaction, before the calls hear their answers. */
  onStored?: (jobs: readonly StoredJob[]) => void;
}

/**
 * Group commit. A commit costs the same for one job and for hundreds, so whatever is asked for in one turn of the event
 * loop, and while a transaction is under way, goes into the next one. There is no timer: a lone job is written in the
 * turn in which it came. Measured on this class of machine (`baselines.md`): 5.7k requests/s commit by commit, 37.8k so.
 */
export function createJobWriter({ serviceStore, clock, onStored = () => {} }: JobWriterOptions): JobWriter {
  const lines: Lines = { calls: [], pieces: [] };
  let writing = 0;
  let isPlanned = false;
  let fault: { message: string; at: number } | undefined;

  const mayWrite = (): boolean => {
    const waiting = lines.calls.length + lines.pieces.length;
    return writing === 0 ? waiting > 0 : writing < mostWriting && waiting >= fewestJobs;
  };

  /** After everything that arrived in this turn. */
  const plan = (): void => {
    if (isPlanned || !mayWrite()) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      while (mayWrite()) writeNext();
    });
  };

  // Whatever goes wrong is a rejection; nothing is awaited here or there, which would keep the jobs until they are answered.
  const enqueue: ServiceStore['enqueue'] = async (jobs, now) => serviceStore.enqueue(jobs, now);
  const writeNext = (): void => {
    const chunk = takeChunk(lines);
    const places = chunk.map(({ call, index, job: { queue, provider, request } }): Place => {
      return { call, index, queue, provider, bytes: request.body.length };
    });
    writing += 1;
    const settle = (answers: readonly (Enqueued | Error)[]) => {
      writing -= 1;
      const [first] = answers;
      fault = first instanceof Error ? { message: messageOf(first), at: clock.now() } : undefined;
      for (const [at, { call, index }] of places.entries()) {
        call.answers[index] = answers[at] ?? new Error('the store gave no answer for this job');
        call.left -= 1;
        if (call.left === 0) call.resolve(call.answers);
      }
      // What was answered can be heard, and what was sent meanwhile can come in.
      plan();
      onStored(places.filter((_, at) => isNew(answers[at])));
    };
    const jobs = chunk.map(({ job }) => job);
    enqueue(jobs, clock.now()).then(settle, (error: unknown) => {
      const reason = error instanceof Error ? error : new Error(messageOf(error));
      settle(places.map(() => reason));
    });
  };

  return {
    write(jobs, { isPiece = false } = {}) {
      if (jobs.length === 0) return Promise.resolve([]);
      const waiting = isPiece || jobs.length > mostJobs ? lines.pieces : lines.calls;
      return new Promise((resolve) => {
        const call = { left: jobs.length, answers: new Array(jobs.length), resolve };
        for (const [index, job] of jobs.entries()) waiting.push({ call, index, job });
        plan();
      });
    },
    fault: () => (fault && Math.abs(clock.now() - fault.at) < faultKeptMs ? fault.message : undefined),
  };
}

function isNew(answer: Enqueued | Error | undefined): boolean {
  return answer !== undefined && !(answer instanceof Error) && answer.type === 'queued';
}

/**
 * Half of the calls, so that callers in step with each other are answered while the other half is written. Beside pieces
 * all of them, as long as half of the room is left to those.
 */
function takeChunk({ calls, pieces }: Lines): Waiting[] {
  const half = Math.max(fewestJobs, Math.ceil(calls.length / 2));
  const chunk = takeFrom(calls, pieces.length === 0 ? Math.min(half, mostJobs) : mostJobs / 2);
  return chunk.concat(takeFrom(pieces, mostJobs - chunk.length));
}

function takeFrom(line: Waiting[], most: number): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { job } of line) {
    if (count === most || bytes >= chunkBytes) break;
    bytes += job.request.body.length + job.data.length;
    count += 1;
  }
  return line.splice(0, count);
}
