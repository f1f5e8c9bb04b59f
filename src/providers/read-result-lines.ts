import type { OffpeakError } from '../errors.ts';
import { splitLineBatches } from '../lines.ts';
import type { ResultLine } from '../provider.ts';
import { unavailable } from './exchange-error.ts';
import { readTooLongLine } from './result-line.ts';
import type { HttpAnswer } from './send-http.ts';
import { causeOfEnd, createTimeLimit, limitEachChunk, type TimeLimit } from './time-limit.ts';

const maxLineBytes = 256 * 1024 * 1024;
const lineFeed = 0x0a;

/** A body of results: how it is got, and how an adapter reads it. */
export interface ResultBody {
  /** For messages. */
  action: string;
  signal: AbortSignal | undefined;
  /** Longest standstill. */
  idleMs: number;
  /** Asks for the body; throws when it is refused. */
  open(limit: TimeLimit): Promise<HttpAnswer>;
  readLine(text: string): ResultLine;
  /** How long the provider says that the whole is, where it says so. Only asked when the transport leaves it open. */
  wholeSize(limit: TimeLimit): Promise<ResultSize>;
  badAnswer(action: string, what: string): OffpeakError;
  errorOf(error: unknown): OffpeakError;
}

/** In whichever unit the provider counts. */
export interface ResultSize {
  unit: 'bytes' | 'lines';
  /** Absent: the provider does not say. */
  size: number | undefined;
}

interface Progress {
  bytes: number;
  lines: number;
  lastByte: number | undefined;
  lastLine: ResultLine | undefined;
}

/** Every line of the body, streamed. A body that may have been cut off, or stands still, throws `unavailable`. */
export async function* readResultLines(body: ResultBody): AsyncGenerator<ResultLine> {
  const limit = createTimeLimit(body.signal);
  const progress: Progress = { bytes: 0, lines: 0, lastByte: undefined, lastLine: undefined };
  try {
    const answer = await body.open(limit);
    if (isCompressed(answer)) {
      for await (const _ of answer.body) break;
      throw body.badAnswer(body.action, 'a compressed file, which was not asked for');
    }
    const chunks = limitEachChunk(watchChunks(answer.body, progress), limit, body.idleMs);
    for await (const lines of splitLineBatches(chunks, { maxLineBytes })) {
      for (const line of lines) {
        const text = line.text.endsWith('\r') ? line.text.slice(0, -1) : line.text;
        if (text === '') continue;
        progress.lines++;
        progress.lastLine = line.tooLong ? readTooLongLine(text, line.bytes) : body.readLine(text);
        yield progress.lastLine;
      }
    }
    if (!isFramed(answer)) provePlainEnd(body.action, progress, await body.wholeSize(limit));
  } catch (error) {
    throw body.errorOf(causeOfEnd(limit, error));
  } finally {
    limit.close();
  }
}

/** Inflating without a cap is not done. */
function isCompressed(answer: HttpAnswer): boolean {
  return /\S/.test((answer.header('content-encoding') ?? '').replace('identity', ''));
}

async function* watchChunks(chunks: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    progress.bytes += chunk.byteLength;
    progress.lastByte = chunk.at(-1) ?? progress.lastByte;
    yield chunk;
  }
}

function isFramed(answer: HttpAnswer): boolean {
  return answer.header('content-length') !== undefined || answer.header('transfer-encoding') !== undefined;
}

/**
 * A body that ends with the connection ends the same way when it was cut, and rows taken for missing would be paid for
 * again: its length is compared with what the provider says of it.
 */
function provePlainEnd(action: string, progress: Progress, { unit, size }: ResultSize): void {
  // A last line that is neither ended nor readable is the beginning of one.
  const isOpen = progress.lastByte !== lineFeed && progress.lastLine?.customId === undefined;
  const lines = isOpen && progress.lastLine ? progress.lines - 1 : progress.lines;
  const read = unit === 'bytes' ? progress.bytes : lines;
  if (size !== undefined && read < size) throw unavailable(action, `cut off after ${read} of ${size} ${unit}`);
}
