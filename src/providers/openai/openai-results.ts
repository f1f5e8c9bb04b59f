import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { countOf, parseRecord } from '../json-values.ts';
import { type ResultSize, readResultLines } from '../read-result-lines.ts';
import { type HttpAnswer, isSuccess, readAnswer } from '../send-http.ts';
import type { TimeLimit } from '../time-limit.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { badAnswer, errorOfExchange, errorOfFault, faultOfBody } from './openai-error.ts';
import { readResultLine } from './openai-rows.ts';

const longestControlAnswer = 1024 * 1024;

/**
 * Every line of the output file, then of the error file. Any break throws `unavailable`, a file that is not there
 * `not_found`: read again from the start. Not by the SDK: its time-out ends at the head of the answer.
 */
export async function* readResults(
  connection: OpenAIConnection,
  filesPath: string,
  batch: RemoteBatch,
  signal?: AbortSignal,
): AsyncGenerator<ResultLine> {
  for (const fileId of batch.resultFileIds) {
    const action = `${connection.name}: read result file ${fileId} of batch ${batch.remoteId}`;
    const url = `${connection.baseUrl}${filesPath}/${encodeURIComponent(fileId)}`;
    yield* readResultLines({
      action,
      signal,
      idleMs: connection.timeouts.idleMs,
      open: (limit) => openFile(connection, action, url, limit),
      readLine: readResultLine,
      wholeSize: (limit) => sizeOfFile(connection, url, limit),
      badAnswer,
      errorOf: (error) => errorOfExchange(action, error, connection.redact, signal),
    });
  }
}

async function openFile(
  connection: OpenAIConnection,
  action: string,
  url: string,
  limit: TimeLimit,
): Promise<HttpAnswer> {
  const answer = await getUrl(connection, `${url}/content`, limit);
  if (isSuccess(answer.status)) return answer;
  const fault = faultOfBody(await readAnswer(answer, longestControlAnswer), connection.redact);
  // Not there yet, or no longer: nothing about the rows is proved by that, and nobody should ask for ever.
  const gone = fault.status === 404 || fault.status === 410;
  throw errorOfFault(action, fault, gone ? 'not_found' : undefined);
}

async function sizeOfFile(connection: OpenAIConnection, url: string, limit: TimeLimit): Promise<ResultSize> {
  const answer = await readAnswer(await getUrl(connection, url, limit), longestControlAnswer);
  return { unit: 'bytes', size: answer.status === 200 ? countOf(parseRecord(answer.text)?.bytes) : undefined };
}

function getUrl(connection: OpenAIConnection, url: string, limit: TimeLimit): Promise<HttpAnswer> {
  limit.start(connection.timeouts.replyMs);
  return connection.send({ method: 'GET', url, headers: connection.headers(), signal: limit.signal });
}
