import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { errorOfExchange } from '../exchange-error.ts';
import { type ResultSize, readResultLines } from '../read-result-lines.ts';
import { type HttpAnswer, isSuccess, readAnswer } from '../send-http.ts';
import type { TimeLimit } from '../time-limit.ts';
import { batchesPath, parseBatch } from './anthropic-api.ts';
import { type AnthropicConnection, exchangeJson } from './anthropic-connection.ts';
import { badAnswer, errorOfFault, faultOfBody } from './anthropic-error.ts';
import { readResultLine } from './anthropic-rows.ts';

const longestErrorBody = 1024 * 1024;

/**
 * Every line of the results. Any break throws `unavailable`, results that are not there (29 days after the create they
 * are gone) `not_found`: read again from the start.
 */
export function readResults(
  connection: AnthropicConnection,
  batch: RemoteBatch,
  signal?: AbortSignal,
): AsyncIterable<ResultLine> {
  const action = `${connection.name}: read the results of batch ${batch.remoteId}`;
  return readResultLines({
    action,
    signal,
    idleMs: connection.timeouts.idleMs,
    open: (limit) => openResults(connection, action, batch, limit),
    readLine: readResultLine,
    wholeSize: (limit) => rowsOf(connection, action, batch, limit),
    badAnswer,
    errorOf: (error) => errorOfExchange(action, error, connection.redact, signal),
  });
}

async function openResults(
  connection: AnthropicConnection,
  action: string,
  batch: RemoteBatch,
  limit: TimeLimit,
): Promise<HttpAnswer> {
  limit.start(connection.timeouts.replyMs);
  const url = resultsUrl(connection, batch);
  const answer = await connection.send({ method: 'GET', url, headers: connection.headers(), signal: limit.signal });
  if (isSuccess(answer.status)) return answer;
  const fault = faultOfBody(await readAnswer(answer, longestErrorBody), connection.redact);
  // Not there yet, or no longer: nothing about the rows is proved by that, and nobody should ask for ever.
  const gone = fault.status === 404 || fault.status === 410;
  throw errorOfFault(action, fault, gone ? 'not_found' : undefined);
}

/**
 * The key goes to the configured origin only: an address that the provider (or who stands between) names elsewhere is
 * replaced by the path that it stands for.
 */
function resultsUrl(connection: AnthropicConnection, batch: RemoteBatch): string {
  const named = URL.parse(batch.resultFileIds[0] ?? '');
  const isOurs = named?.origin === new URL(connection.baseUrl).origin && !named.username && !named.password;
  if (named && isOurs) return named.href;
  return `${connection.baseUrl}${batchesPath}/${encodeURIComponent(batch.remoteId)}/results`;
}

/** Of the length of its results the provider says nothing, but it counts the rows of the batch. */
async function rowsOf(
  connection: AnthropicConnection,
  action: string,
  batch: RemoteBatch,
  limit: TimeLimit,
): Promise<ResultSize> {
  limit.stop();
  const path = `${batchesPath}/${encodeURIComponent(batch.remoteId)}`;
  const body = await exchangeJson(connection, action, { method: 'GET', path, signal: limit.signal });
  return { unit: 'lines', size: parseBatch(body)?.counts?.total };
}
