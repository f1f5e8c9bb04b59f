import type { OffpeakError } from '../../errors.ts';
import type { BatchApi, BatchLimits, RemoteBatch } from '../../provider.ts';
import { batchNotFound, unavailable } from '../exchange-error.ts';
import { arrayOf, type JsonRecord, recordOf, textOf } from '../json-values.ts';
import type { ProviderConnection } from '../provider-connection.ts';
import { type Exchange, exchangeJson, resourcePath } from './gemini-connection.ts';
import { createBatch } from './gemini-create.ts';
import { badAnswer, errorOfFault, type GeminiFault } from './gemini-error.ts';
import { parseOperation } from './gemini-operation.ts';
import { readResults } from './gemini-results.ts';
import { batchLineBytes, uploadLines } from './gemini-upload.ts';

const pageSize = 100;

export function createGeminiBatch(connection: ProviderConnection, limits: BatchLimits): BatchApi {
  return {
    limits,
    proof: 'carried',
    lineBytes: batchLineBytes,
    upload: (input) => uploadLines(connection, input),
    create: (input) => createBatch(connection, input),
    get: (remoteId, signal) => getBatch(connection, remoteId, signal),
    list: (signal) => listBatches(connection, signal),
    results: (batch, signal) => readResults(connection, batch, signal),
    cancel: (remoteId, signal) => cancelBatch(connection, remoteId, signal),
    remove: (remoteId, signal) => removeBatch(connection, remoteId, signal),
  };
}

async function getBatch(connection: ProviderConnection, remoteId: string, signal?: AbortSignal): Promise<RemoteBatch> {
  const action = `${connection.name}: get batch ${remoteId}`;
  const batch = parseOperation(await exchangeBatch(connection, action, remoteId, { method: 'GET', signal }));
  if (!batch) throw badAnswer(action, 'no batch');
  return batch;
}

/** An exchange about one batch; `suffix` stands behind its path. */
function exchangeBatch(
  connection: ProviderConnection,
  action: string,
  remoteId: string,
  { suffix = '', ...request }: Omit<Exchange, 'path'> & { suffix?: string },
  onFault: (fault: GeminiFault) => OffpeakError = (fault) => errorOfFault(action, fault),
): Promise<JsonRecord> {
  const path = resourcePath('batches', remoteId);
  if (!path) throw batchNotFound(connection, remoteId);
  return exchangeJson(connection, action, { ...request, path: `/v1beta/${path}${suffix}` }, (fault) =>
    isUnknown(fault) ? batchNotFound(connection, remoteId) : onFault(fault),
  );
}

/** Google says 403 of some things that it does not see: "or it may not exist". */
function isUnknown(fault: GeminiFault): boolean {
  return fault.status === 404 || (fault.status === 403 && /not exist/i.test(fault.message));
}

async function* listBatches(connection: ProviderConnection, signal?: AbortSignal): AsyncGenerator<RemoteBatch> {
  const action = `${connection.name}: list batches`;
  const tokens = new Set<string>();
  let token: string | undefined;
  for (;;) {
    const query = token === undefined ? '' : `&pageToken=${encodeURIComponent(token)}`;
    const path = `/v1beta/batches?pageSize=${pageSize}${query}`;
    const page = await exchangeJson(connection, action, { method: 'GET', path, signal });
    // A listing without entries is `{}`. Anything else without them is no listing.
    if (page.operations === undefined ? Object.keys(page).some(isUnexpected) : !Array.isArray(page.operations)) {
      throw badAnswer(action, 'a page without operations');
    }
    if (arrayOf(page.unreachable).length > 0) {
      throw unavailable(action, 'the provider could not reach all of them');
    }
    yield* arrayOf(page.operations).map((entry) => {
      const batch = parseOperation(recordOf(entry));
      // An entry that cannot be read might be the one that is looked for.
      if (!batch) throw badAnswer(action, 'an entry without name');
      return batch;
    });
    token = textOf(page.nextPageToken);
    if (token === undefined) return;
    if (tokens.has(token)) throw badAnswer(action, 'pages do not advance');
    tokens.add(token);
  }
}

function isUnexpected(key: string): boolean {
  return key !== 'nextPageToken' && key !== 'unreachable';
}

async function cancelBatch(
  connection: ProviderConnection,
  remoteId: string,
  signal?: AbortSignal,
): Promise<RemoteBatch> {
  const action = `${connection.name}: cancel batch ${remoteId}`;
  const request = { method: 'POST', body: '{}', signal, suffix: ':cancel' } as const;
  let refusal: OffpeakError | undefined;
  try {
    await exchangeBatch(connection, action, remoteId, request, (fault) => {
      const error = errorOfFault(action, fault);
      // Perhaps because it has ended already.
      if ([400, 409, 412].includes(fault.status)) refusal = error;
      return error;
    });
  } catch (error) {
    if (error !== refusal) throw error;
  }
  // The answer to a cancel is empty.
  const batch = await getBatch(connection, remoteId, signal);
  if (refusal && batch.phase === 'running') throw refusal;
  return batch;
}

/** A batch that still runs would be stopped: only for one that has ended. Its input file expires by itself. */
async function removeBatch(connection: ProviderConnection, remoteId: string, signal?: AbortSignal): Promise<void> {
  const action = `${connection.name}: remove batch ${remoteId}`;
  await exchangeBatch(connection, action, remoteId, { method: 'DELETE', signal });
}
