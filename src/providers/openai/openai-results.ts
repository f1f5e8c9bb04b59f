import { OffpeakError } from '../../errors.ts';
import { splitLineBatches } from '../../lines.ts';
import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { countOf, parseRecord } from '../json-values.ts';
import { type HttpAnswer, HttpFailure, readText } from '../send-http.ts';
import { createTimeLimit, limitEachChunk, type TimeLimit } from '../time-limit.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { badAnswer, errorOfExchange, errorOfFault, faultOfBody } from './openai-error.ts';
import { readResultLine, readTooLongLine } from './openai-rows.ts';

const maxLineBytes = 256 * 1024 * 1024;
const longestErrorBody = 1024 * 1024;

/**
 * Every line of the output file, then of the error file. Any break throws `unavailable`, a file that is not there
 * `not_found`: read again from the start.
 */
export async function* readResults(
  connection: OpenAIConnection,
  batch: RemoteBatch,
  signal?: AbortSignal,
): AsyncGenerator<ResultLine> {
  for (const fileId of batch.resultFileIds) {
    const action = `${connection.name}: read result file ${fileId} of batch ${batch.remoteId}`;
    const limit = createTimeLimit(signal);
    try {
      yield* readFile(connection, action, fileId, limit);
    } catch (error) {
      const failure = limit.expired ? new HttpFailure('nothing moved for too long', true) : error;
      throw errorOfExchange(action, failure, connection.redact, signal);
    } finally {
      limit.close();
    }
  }
}

/** Not by the SDK: its time-out ends at the head of the answer, and it inflates gzip without a cap. */
async function* readFile(
  connection: OpenAIConnection,
  action: string,
  fileId: string,
  limit: TimeLimit,
): AsyncGenerator<ResultLine> {
  limit.start(connection.timeouts.replyMs);
  const url = `${connection.baseUrl}/files/${encodeURIComponent(fileId)}`;
  const answer = await getUrl(connection, `${url}/content`, limit);
  if (answer.status < 200 || answer.status > 299) {
    const fault = faultOfBody(
      answer.status,
      answer.header,
      await readText(answer, longestErrorBody),
      connection.redact,
    );
    // Not there yet, or no longer: nothing about the rows is proved by that, and nobody should ask for ever.
    const gone = fault.status === 404 || fault.status === 410;
    throw errorOfFault(action, fault, gone ? 'not_found' : undefined);
  }
  if (/[^\s]/.test((answer.header('content-encoding') ?? '').replace('identity', ''))) {
    for await (const _ of answer.body) break;
    throw badAnswer(action, 'a compressed file, which was not asked for');
  }
  let bytes = 0;
  const chunks = countBytes(answer.body, (length) => {
    bytes += length;
  });
  for await (const lines of splitLineBatches(limitEachChunk(chunks, limit, connection.timeouts.idleMs), {
    maxLineBytes,
  })) {
    for (const line of lines) {
      const text = line.text.endsWith('\r') ? line.text.slice(0, -1) : line.text;
      if (text === '') continue;
      yield line.tooLong ? readTooLongLine(text, line.bytes) : readResultLine(text);
    }
  }
  if (!isFramed(answer)) await provePlainEnd(connection, action, url, bytes, limit);
}

function getUrl(connection: OpenAIConnection, url: string, limit: TimeLimit): Promise<HttpAnswer> {
  return connection.send({ method: 'GET', url, headers: connection.headers(), signal: limit.signal });
}

async function* countBytes(
  chunks: AsyncIterable<Uint8Array>,
  count: (length: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    count(chunk.byteLength);
    yield chunk;
  }
}

function isFramed(answer: HttpAnswer): boolean {
  return answer.header('content-length') !== undefined || answer.header('transfer-encoding') !== undefined;
}

/**
 * A body that ends with the connection ends the same way when it was cut, and rows taken for missing would be paid for
 * again: its length is compared with what the provider says of the file, where it says so.
 */
async function provePlainEnd(
  connection: OpenAIConnection,
  action: string,
  fileUrl: string,
  bytes: number,
  limit: TimeLimit,
): Promise<void> {
  limit.start(connection.timeouts.replyMs);
  const answer = await getUrl(connection, fileUrl, limit);
  const text = await readText(answer, longestErrorBody);
  const expected = answer.status === 200 ? countOf(parseRecord(text)?.bytes) : undefined;
  if (expected === undefined || bytes >= expected) return;
  throw new OffpeakError(`${action}: cut off after ${bytes} of ${expected} bytes`, {
    code: 'unavailable',
    retryable: true,
  });
}
