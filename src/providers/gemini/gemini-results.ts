import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { errorOfExchange } from '../exchange-error.ts';
import { countOf, parseRecord } from '../json-values.ts';
import type { ProviderConnection } from '../provider-connection.ts';
import { type ResultSize, readResultLines } from '../read-result-lines.ts';
import { type HttpAnswer, isSuccess, readAnswer } from '../send-http.ts';
import type { TimeLimit } from '../time-limit.ts';
import { exchangeJson, resourcePath } from './gemini-connection.ts';
import { badAnswer, errorOfFault, faultOfBody, type GeminiFault } from './gemini-error.ts';
import { inlinedRowsOf } from './gemini-operation.ts';
import { readInlinedRow, readResultLine } from './gemini-rows.ts';

const longestControlAnswer = 1024 * 1024;

/**
 * Every line of the result file, or every inlined row of a batch that somebody submitted without a file. Any break throws
 * `unavailable`, a file that is not there `not_found`: read again from the start.
 */
export async function* readResults(
  connection: ProviderConnection,
  batch: RemoteBatch,
  signal?: AbortSignal,
): AsyncGenerator<ResultLine> {
  if (batch.resultFileIds.length === 0) yield* readInlined(connection, batch, signal);
  for (const fileId of batch.resultFileIds) {
    const action = `${connection.name}: read result file ${fileId} of batch ${batch.remoteId}`;
    const path = resourcePath('files', fileId);
    if (!path) throw badAnswer(action, 'a result file with a strange name');
    yield* readResultLines({
      action,
      signal,
      idleMs: connection.timeouts.idleMs,
      open: (limit) => openFile(connection, action, path, limit),
      readLine: readResultLine,
      wholeSize: (limit) => sizeOfFile(connection, path, limit),
      badAnswer,
      errorOf: (error) => errorOfExchange(action, error, connection.redact, signal),
    });
  }
}

async function* readInlined(
  connection: ProviderConnection,
  batch: RemoteBatch,
  signal: AbortSignal | undefined,
): AsyncGenerator<ResultLine> {
  const action = `${connection.name}: read the results of batch ${batch.remoteId}`;
  const path = resourcePath('batches', batch.remoteId);
  if (!path) throw badAnswer(action, 'a batch with a strange name');
  const operation = await exchangeJson(
    connection,
    action,
    { method: 'GET', path: `/v1beta/${path}`, signal },
    (fault) => errorOfFault(action, fault, isGone(fault) ? 'not_found' : undefined),
  );
  for (const row of inlinedRowsOf(operation)) yield readInlinedRow(row);
}

/** The guide names the first address, Google's own client the second (contracts, Gemini 3.1). */
const addresses = [
  (path: string) => `/download/v1beta/${path}:download?alt=media`,
  (path: string) => `/v1beta/${path}:download?alt=media`,
];

async function openFile(
  connection: ProviderConnection,
  action: string,
  path: string,
  limit: TimeLimit,
): Promise<HttpAnswer> {
  let unseen: GeminiFault | undefined;
  for (const address of addresses) {
    const answer = await getUrl(connection, address(path), limit);
    if (isSuccess(answer.status)) return answer;
    const fault = faultOfBody(await readAnswer(answer, longestControlAnswer), connection.redact);
    if (!isGone(fault) && fault.status !== 405) throw errorOfFault(action, fault);
    unseen ??= fault;
  }
  // Not there yet, or no longer: nothing about the rows is proved by that, and nobody should ask for ever.
  throw errorOfFault(
    action,
    unseen ?? faultOfBody({ status: 404, header: () => undefined, text: '' }, connection.redact),
    'not_found',
  );
}

function isGone(fault: GeminiFault): boolean {
  return fault.status === 404 || fault.status === 410 || (fault.status === 403 && /not exist/i.test(fault.message));
}

function getUrl(connection: ProviderConnection, path: string, limit: TimeLimit): Promise<HttpAnswer> {
  limit.start(connection.timeouts.replyMs);
  const url = connection.baseUrl + path;
  return connection.send({ method: 'GET', url, headers: connection.headers(), signal: limit.signal });
}

async function sizeOfFile(connection: ProviderConnection, path: string, limit: TimeLimit): Promise<ResultSize> {
  const answer = await readAnswer(await getUrl(connection, `/v1beta/${path}`, limit), longestControlAnswer);
  const size = answer.status === 200 ? parseRecord(answer.text)?.sizeBytes : undefined;
  return { unit: 'bytes', size: countOf(typeof size === 'string' ? Number(size) : size) };
}
