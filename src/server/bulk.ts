import { setImmediate as turn } from 'node:timers/promises';
import { isOffpeakError } from '../errors.ts';
import { queueRequest } from '../service/contract/queue.ts';
import type { QueueInput, QueueOutcome, Queues } from '../service/service.ts';
import { jsonElements, NotAnArray } from './json-elements.ts';
import { fieldErrors, HttpProblem, invalid } from './problem.ts';
import { toQueueInput } from './queue-input.ts';

/**
 * Jobs that are read in one turn of the event loop and queued in one call of the service. With 125 the commits take more
 * of the time, with 500 the garbage collector, because they live longer: 48,000, 53,000 and 51,000 jobs/s.
 */
const chunkJobs = 250;
/** Elements that are looked at in one turn, and bytes of either. */
const checkedAtOnce = 500;
const chunkBytes = 1_048_576;
const mostElements = 10_000;

export interface BulkOptions {
  /** Text of one element to a value, with the same care as any other body. */
  parse: (text: string) => unknown;
  maxElementBytes: number;
  /** Of the whole call; the element's index is added. */
  idempotencyKey: string | undefined;
}

export interface BulkOutcome {
  jobIds: (string | null)[];
  errors: { index: number; detail: string }[];
}

/**
 * Queues the jobs of a body, each by itself: a bad one is refused with its reason and stops no other. A body that is no
 * JSON array of at most 10,000 is refused as a whole, before anything is queued. One chunk is read while the one before
 * is written, and no more is kept of 10,000 jobs: kept to the end, the garbage collector took more time than all else.
 */
export async function queueBulk(queues: Queues, body: Buffer, options: BulkOptions): Promise<BulkOutcome> {
  const outcome: BulkOutcome = { jobIds: [], errors: [] };
  const sender = createChunkSender(queues, outcome);
  for await (const elements of readElements(body, options)) {
    const chunk: Chunk = { indices: [], inputs: [] };
    for (const { index, value, isTooLarge } of elements) {
      outcome.jobIds.push(null);
      const read = isTooLarge
        ? `is larger than ${options.maxElementBytes} bytes`
        : readJob(value, keyFor(options.idempotencyKey, index));
      if (typeof read === 'string') outcome.errors.push({ index, detail: read });
      else {
        chunk.indices.push(index);
        chunk.inputs.push(read);
      }
    }
    await sender.send(chunk);
  }
  await sender.end();
  outcome.errors.sort((a, b) => a.index - b.index);
  return outcome;
}

interface Element {
  index: number;
  value: unknown;
  isTooLarge: boolean;
}

/**
 * Parses a body chunk by chunk, other requests in between; all of it is known to be right before the first is given out.
 * Parsing it twice costs less than keeping what was parsed.
 */
export async function* readElements(
  body: Buffer,
  options: Pick<BulkOptions, 'parse' | 'maxElementBytes'>,
): AsyncGenerator<Element[]> {
  const places = await placesOf(body, options);
  let elements: Element[] = [];
  let turnAt = chunkBytes;
  for (const [index, from] of places.from.entries()) {
    const to = places.to[index] ?? from;
    const isTooLarge = to - from > options.maxElementBytes;
    elements.push({
      index,
      value: isTooLarge ? undefined : options.parse(body.toString('utf8', from, to)),
      isTooLarge,
    });
    if (elements.length < chunkJobs && to < turnAt) continue;
    yield elements;
    await turn();
    elements = [];
    turnAt = to + chunkBytes;
  }
  if (elements.length > 0) yield elements;
}

/** Bytes from which and to which each element goes: two lists of numbers, because 10,000 pairs would be 10,000 objects. */
interface Places {
  from: number[];
  to: number[];
}

/** Where the elements of a body stand, each of them looked at. */
async function placesOf(
  body: Buffer,
  { parse, maxElementBytes }: Pick<BulkOptions, 'parse' | 'maxElementBytes'>,
): Promise<Places> {
  const places: Places = { from: [], to: [] };
  let turnAt = chunkBytes;
  try {
    for (const [from, to] of jsonElements(body)) {
      const index = places.from.length;
      if (index === mostElements) throw invalid([{ field: 'body', message: `has more than ${mostElements} elements` }]);
      if (to - from <= maxElementBytes) check(body.toString('utf8', from, to), index, parse);
      places.from.push(from);
      places.to.push(to);
      if ((index + 1) % checkedAtOnce !== 0 && to < turnAt) continue;
      await turn();
      turnAt = to + chunkBytes;
    }
  } catch (error) {
    if (error instanceof NotAnArray) throw invalid([{ field: 'body', message: error.message }]);
    throw error;
  }
  if (places.from.length === 0) throw invalid([{ field: 'body', message: 'has no elements' }]);
  return places;
}

function check(text: string, index: number, parse: (text: string) => unknown): void {
  try {
    parse(text);
  } catch {
    throw invalid([{ field: String(index), message: 'is not JSON, or holds __proto__' }]);
  }
}

function readJob(value: unknown, key: string | undefined): QueueInput | string {
  const result = queueRequest.safeParse(value);
  if (!result.success) {
    return fieldErrors(result.error.issues)
      .map(({ field, message }) => `${field}: ${message}`)
      .join('; ');
  }
  return toQueueInput(result.data, key);
}

/** Jobs, and where each stands in the body. */
interface Chunk {
  indices: number[];
  inputs: QueueInput[];
}

/** Queues texts, a chunk at a time; what was not queued stands in `errors`. */
export async function queueAll(
  queues: Queues,
  inputs: readonly QueueInput[],
  bytesOf: (input: QueueInput) => number,
): Promise<BulkOutcome> {
  const outcome: BulkOutcome = { jobIds: inputs.map(() => null), errors: [] };
  const sender = createChunkSender(queues, outcome);
  let chunk: Chunk = { indices: [], inputs: [] };
  let bytes = 0;
  for (const [index, input] of inputs.entries()) {
    chunk.indices.push(index);
    chunk.inputs.push(input);
    bytes += bytesOf(input);
    if (chunk.inputs.length < chunkJobs && bytes < chunkBytes) continue;
    await sender.send(chunk);
    await turn();
    chunk = { indices: [], inputs: [] };
    bytes = 0;
  }
  await sender.send(chunk);
  await sender.end();
  outcome.errors.sort((a, b) => a.index - b.index);
  return outcome;
}

/** Chunks on their way at the same time: one is prepared while another is written. */
const mostSending = 2;
/** A call of no more waits for nobody's large one. */
const smallCall = 40;

/** Queues chunks, in their order. `send` returns when another may come, `end` when all are queued. */
function createChunkSender(queues: Queues, outcome: BulkOutcome) {
  const sending = new Set<Promise<void>>();
  let isAnyQueued = false;
  let failure: { error: unknown } | undefined;
  const refuse = (indices: readonly number[], error: unknown): void => {
    const detail = isOffpeakError(error) ? error.message : 'Something went wrong inside; the job is not queued.';
    for (const index of indices) outcome.errors.push({ index, detail });
  };
  /** Keeps nothing of the jobs while they are queued. */
  const queueChunk = async (indices: readonly number[], queued: Promise<QueueOutcome[]>): Promise<void> => {
    try {
      note(indices, await queued, outcome);
      isAnyQueued = true;
    } catch (error) {
      failure ??= { error };
      refuse(indices, error);
    }
  };
  /** Nothing is queued: the whole call failed. Else those that are queued must not be lost to the caller. */
  const throwWhole = (): void => {
    if (failure && !isAnyQueued && sending.size === 0) throw failure.error;
  };
  return {
    async send({ indices, inputs }: Chunk): Promise<void> {
      if (inputs.length === 0) return;
      // The first goes alone: only as long as nothing is queued can the whole call fail.
      while (sending.size >= (isAnyQueued ? mostSending : 1)) await Promise.race(sending);
      throwWhole();
      if (failure) return refuse(indices, failure.error);
      // The first goes alone, so no order is broken when it goes before others.
      const isPiece = isAnyQueued || inputs.length > smallCall;
      const queued = queueChunk(indices, queues.queue(inputs, { isPiece })).finally(() => sending.delete(queued));
      sending.add(queued);
    },
    async end(): Promise<void> {
      await Promise.all(sending);
      throwWhole();
    },
  };
}

function note(indices: readonly number[], outcomes: readonly QueueOutcome[], outcome: BulkOutcome): void {
  for (const [at, index] of indices.entries()) {
    const each = outcomes[at];
    if (each === undefined) throw new HttpProblem(500, { code: 'internal', detail: 'The queue gave too few answers.' });
    if (each.type === 'refused') outcome.errors.push({ index, detail: `${each.field}: ${each.message}` });
    else if (each.type === 'conflict') outcome.errors.push({ index, detail: each.message });
    else outcome.jobIds[index] = each.jobId;
  }
}

/** A key of its own for each element: a blank, which no caller's key holds, keeps it apart from those of single jobs. */
export function keyFor(key: string | undefined, index: number): string | undefined {
  return key === undefined ? undefined : `${key} ${index}`;
}
