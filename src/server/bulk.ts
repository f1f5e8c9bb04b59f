import { setImmediate as turn } from 'node:timers/promises';
import { isOffpeakError } from '../errors.ts';
import { queueRequest } from '../service/contract/queue.ts';
import type { QueueInput, QueueOutcome, Queues } from '../service/service.ts';
import { jsonElements, NotAnArray } from './json-elements.ts';
import { fieldErrors, HttpProblem, invalid } from './problem.ts';
import { toQueueInput } from './queue-input.ts';

/** Jobs queued in one call of the service, and elements read in one turn of the event loop. */
const chunkJobs = 500;
const chunkBytes = 2_097_152;
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
 * JSON array of at most 10,000 is refused as a whole, before anything is queued.
 */
export async function queueBulk(queues: Queues, body: Buffer, options: BulkOptions): Promise<BulkOutcome> {
  const outcome: BulkOutcome = { jobIds: [], errors: [] };
  const good: { index: number; input: QueueInput }[] = [];
  for await (const { index, value, isTooLarge } of readElements(body, options)) {
    outcome.jobIds.push(null);
    const read = isTooLarge
      ? `is larger than ${options.maxElementBytes} bytes`
      : readJob(value, keyFor(options.idempotencyKey, index));
    if (typeof read === 'string') outcome.errors.push({ index, detail: read });
    else good.push({ index, input: read });
  }
  await queueAll(queues, good, outcome);
  outcome.errors.sort((a, b) => a.index - b.index);
  return outcome;
}

/** Parses a body element by element, other requests in between. */
export async function* readElements(
  body: Buffer,
  options: Pick<BulkOptions, 'parse' | 'maxElementBytes'>,
): AsyncGenerator<{ index: number; value: unknown; isTooLarge: boolean }> {
  let index = 0;
  let turnAt = chunkBytes;
  try {
    for (const [from, to] of jsonElements(body)) {
      if (index === mostElements) throw invalid([{ field: 'body', message: `has more than ${mostElements} elements` }]);
      if (to > turnAt || index % chunkJobs === chunkJobs - 1) {
        await turn();
        turnAt = to + chunkBytes;
      }
      const isTooLarge = to - from > options.maxElementBytes;
      const value = isTooLarge ? undefined : parsed(body.toString('utf8', from, to), index, options.parse);
      yield { index, value, isTooLarge };
      index++;
    }
  } catch (error) {
    if (error instanceof NotAnArray) throw invalid([{ field: 'body', message: error.message }]);
    throw error;
  }
  if (index === 0) throw invalid([{ field: 'body', message: 'has no elements' }]);
}

function parsed(text: string, index: number, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
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

/** Queues all of them, a chunk at a time; what was not queued stands in `outcome.errors`. */
export async function queueAll(
  queues: Queues,
  good: readonly { index: number; input: QueueInput }[],
  outcome: BulkOutcome,
): Promise<void> {
  for (let from = 0; from < good.length; from += chunkJobs) {
    const chunk = good.slice(from, from + chunkJobs);
    let outcomes: QueueOutcome[];
    try {
      outcomes = await queues.queue(chunk.map(({ input }) => input));
    } catch (error) {
      // Nothing is queued yet: the whole call failed. Later, those that are queued must not be lost to the caller.
      if (from === 0) throw error;
      const detail = isOffpeakError(error) ? error.message : 'Something went wrong inside; the job is not queued.';
      for (const { index } of good.slice(from)) outcome.errors.push({ index, detail });
      return;
    }
    for (const [at, { index }] of chunk.entries()) {
      const each = outcomes[at];
      if (each === undefined)
        throw new HttpProblem(500, { code: 'internal', detail: 'The queue gave too few answers.' });
      if (each.type === 'refused') outcome.errors.push({ index, detail: `${each.field}: ${each.message}` });
      else if (each.type === 'conflict') outcome.errors.push({ index, detail: each.message });
      else outcome.jobIds[index] = each.jobId;
    }
    await turn();
  }
}

/** A key of its own for each element: a blank, which no caller's key holds, keeps it apart from those of single jobs. */
export function keyFor(key: string | undefined, index: number): string | undefined {
  return key === undefined ? undefined : `${key} ${index}`;
}
