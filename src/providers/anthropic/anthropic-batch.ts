import type { OffpeakError } from '../../errors.ts';
import type { BatchApi, BatchLimits, RemoteBatch } from '../../provider.ts';
import { batchNotFound } from '../exchange-error.ts';
import { textOf } from '../json-values.ts';
import { batchesPath, parseBatch } from './anthropic-api.ts';
import { type AnthropicConnection, type ControlRequest, exchange } from './anthropic-connection.ts';
import { batchRowBytes, createBatch } from './anthropic-create.ts';
import { badAnswer, errorOfFault } from './anthropic-error.ts';
import { readResults } from './anthropic-results.ts';

export function createAnthropicBatch(connection: AnthropicConnection, limits: BatchLimits): BatchApi {
  return {
    limits,
    proof: 'results',
    lineBytes: batchRowBytes,
    create: (input) => createBatch(connection, input),
    get: (remoteId, signal) => getBatch(connection, remoteId, signal),
    list: (signal) => listBatches(connection, signal),
    results: (batch, signal) => readResults(connection, batch, signal),
    cancel: (remoteId, signal) => cancelBatch(connection, remoteId, signal),
    remove: (remoteId, signal) => removeBatch(connection, remoteId, signal),
  };
}

async function getBatch(connection: AnthropicConnection, remoteId: string, signal?: AbortSignal): Promise<RemoteBatch> {
  const action = `${connection.name}: get batch ${remoteId}`;
  const { fault, body } = await exchange(connection, action, request('GET', remoteId, '', signal));
  if (fault?.status === 404) throw notFound(connection, remoteId);
  if (fault) throw errorOfFault(action, fault);
  return readBatch(action, body);
}

async function cancelBatch(
  connection: AnthropicConnection,
  remoteId: string,
  signal?: AbortSignal,
): Promise<RemoteBatch> {
  const action = `${connection.name}: cancel batch ${remoteId}`;
  const { fault, body } = await exchange(connection, action, request('POST', remoteId, '/cancel', signal));
  if (!fault) return readBatch(action, body);
  if (fault.status === 404) throw notFound(connection, remoteId);
  // It has ended, or is being cancelled already; with which status that is refused, nobody says.
  if ([400, 409, 422].includes(fault.status)) {
    const batch = await getBatch(connection, remoteId, signal);
    if (batch.phase === 'ended' || batch.rawStatus === 'canceling') return batch;
  }
  throw errorOfFault(action, fault);
}

async function removeBatch(connection: AnthropicConnection, remoteId: string, signal?: AbortSignal): Promise<void> {
  const action = `${connection.name}: remove batch ${remoteId}`;
  const { fault } = await exchange(connection, action, request('DELETE', remoteId, '', signal));
  if (fault?.status === 404) throw notFound(connection, remoteId);
  if (fault) throw errorOfFault(action, fault);
}

function request(
  method: ControlRequest['method'],
  remoteId: string,
  behind: string,
  signal: AbortSignal | undefined,
): ControlRequest {
  return { method, path: `${batchesPath}/${encodeURIComponent(remoteId)}${behind}`, signal };
}

function readBatch(action: string, body: unknown): RemoteBatch {
  const batch = parseBatch(body);
  if (!batch) throw badAnswer(action, 'no batch');
  return batch;
}

function notFound(connection: AnthropicConnection, remoteId: string): OffpeakError {
  return batchNotFound(connection, remoteId, 'key or workspace');
}

/** The largest page is said to be 1,000; the default of 20 is sure to be allowed. */
const pageSizes = [1000, 20] as const;

async function* listBatches(connection: AnthropicConnection, signal?: AbortSignal): AsyncGenerator<RemoteBatch> {
  const action = `${connection.name}: list batches`;
  const cursors = new Set<string>();
  let after: string | undefined;
  let pageSize: number = pageSizes[0];
  for (;;) {
    const cursorQuery = after === undefined ? '' : `&after_id=${encodeURIComponent(after)}`;
    const path = `${batchesPath}?limit=${pageSize}${cursorQuery}`;
    const { fault, body } = await exchange(connection, action, { method: 'GET', path, signal });
    if (fault?.status === 400 && /\blimit\b/i.test(fault.message) && pageSize !== pageSizes[1]) {
      pageSize = pageSizes[1];
      continue;
    }
    if (fault) throw errorOfFault(action, fault);
    if (!Array.isArray(body?.data)) throw badAnswer(action, 'a page without data');
    // An entry that cannot be read might be the one that is looked for: it throws.
    const batches = body.data.map((entry) => readBatch(action, entry));
    yield* batches;
    // Without `has_more` only an empty page proves the end.
    if (body.has_more === false || (body.has_more === undefined && batches.length === 0)) return;
    const cursor = textOf(body.last_id) ?? batches.at(-1)?.remoteId;
    if (cursor === undefined || cursors.has(cursor)) throw badAnswer(action, 'pages do not advance');
    cursors.add(cursor);
    after = cursor;
  }
}
