import { isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import type { BatchApi, BatchLimits, CreateInput, RemoteBatch } from '../../provider.ts';
import { parseBatch } from './openai-api.ts';
import type { OpenAIConnection } from './openai-client.ts';
import {
  badAnswer,
  errorOfExchange,
  errorOfFault,
  faultOfSdkError,
  httpFailureOf,
  kindOfFault,
  type OpenAIFault,
} from './openai-error.ts';
import { readResults } from './openai-results.ts';
import { batchLineBytes, uploadLines } from './openai-upload.ts';

const pageSize = 100;

export function createOpenAIBatch(connection: OpenAIConnection, limits: BatchLimits): BatchApi {
  return {
    limits,
    lineBytes: batchLineBytes,
    upload: (input) => uploadLines(connection, input),
    create: (input) => createBatch(connection, input),
    get: (remoteId, signal) => getBatch(connection, remoteId, signal),
    list: (signal) => listBatches(connection, signal),
    results: (batch, signal) => readResults(connection, batch, signal),
    cancel: (remoteId, signal) => cancelBatch(connection, remoteId, signal),
  };
}

/** Exactly one POST. Whatever does not prove that nothing was created is `outcome_unknown`. */
async function createBatch(connection: OpenAIConnection, input: CreateInput): Promise<RemoteBatch> {
  const action = `${connection.name}: create a batch from ${input.fileId}`;
  const client = await connection.client();
  // Before the request there is nothing to be unsure about.
  if (input.signal?.aborted) throw new OffpeakError(`${action}: aborted`, { code: 'aborted', retryable: true });
  let answer: unknown;
  try {
    answer = await client.post('/batches', {
      body: {
        input_file_id: input.fileId,
        endpoint: input.endpoint,
        completion_window: '24h',
        metadata: { offpeak_submit: input.nonce },
      },
      ...(input.signal ? { signal: input.signal } : {}),
    });
  } catch (error) {
    throw createError(action, error, connection);
  }
  const batch = parseBatch(answer);
  if (!batch) throw outcomeUnknown(action, 'the answer names no batch');
  return batch;
}

function createError(action: string, error: unknown, connection: OpenAIConnection): OffpeakError {
  if (isOffpeakError(error)) return error;
  const fault = faultOfSdkError(error, connection.redact);
  if (fault) return createFaultError(action, fault);
  const failure = httpFailureOf(error);
  const words = connection.redact(messageOf(failure ?? error));
  if (failure?.sent === false) {
    return new OffpeakError(`${action}: ${words}; nothing was sent`, { code: 'unavailable', retryable: true });
  }
  return outcomeUnknown(action, words);
}

function createFaultError(action: string, fault: OpenAIFault): OffpeakError {
  const kind = kindOfFault(fault);
  // A redirect may be the answer to a POST that was carried out, so it proves nothing either.
  if (kind === 'unavailable' || fault.status < 400)
    return outcomeUnknown(action, `HTTP ${fault.status}: ${fault.message}`);
  const fileUnseen = /cannot find file|no such file/i.test(fault.message);
  if ((fault.status === 400 || fault.status === 404) && fileUnseen) return errorOfFault(action, fault, 'not_ready');
  if (fault.status === 404 || fault.status === 405) return errorOfFault(action, fault, 'batch_unavailable');
  return errorOfFault(action, fault, kind);
}

function outcomeUnknown(action: string, words: string): OffpeakError {
  return new OffpeakError(`${action}: the reply was lost (${words}); whether the batch exists must be looked up`, {
    code: 'outcome_unknown',
  });
}

async function getBatch(connection: OpenAIConnection, remoteId: string, signal?: AbortSignal): Promise<RemoteBatch> {
  const action = `${connection.name}: get batch ${remoteId}`;
  try {
    const client = await connection.client();
    const batch = parseBatch(await client.batches.retrieve(remoteId, signal ? { signal } : {}));
    if (!batch) throw badAnswer(action, 'no batch');
    return batch;
  } catch (error) {
    throw notFoundError(connection, remoteId, error) ?? errorOfExchange(action, error, connection.redact, signal);
  }
}

/** Under another key the same batch answers 404 too: the account belongs into the message. */
function notFoundError(connection: OpenAIConnection, remoteId: string, error: unknown): OffpeakError | undefined {
  if (faultOfSdkError(error, connection.redact)?.status !== 404) return undefined;
  return new OffpeakError(
    `${connection.name}: batch ${remoteId} is not known to the account ${connection.account}; was it made with another key?`,
    { code: 'not_found' },
  );
}

async function* listBatches(connection: OpenAIConnection, signal?: AbortSignal): AsyncGenerator<RemoteBatch> {
  const action = `${connection.name}: list batches`;
  const cursors = new Set<string>();
  let after: string | undefined;
  for (;;) {
    const page = await listPage(connection, action, after, signal);
    const batches = page.data.map((entry) => {
      const batch = parseBatch(entry);
      // An entry that cannot be read might be the one that is looked for.
      if (!batch) throw badAnswer(action, 'an entry without id');
      return batch;
    });
    yield* batches;
    const cursor = page.lastId ?? batches.at(-1)?.remoteId;
    // Without `has_more` only an empty page proves the end.
    if (page.hasMore === false || (page.hasMore === undefined && batches.length === 0)) return;
    if (cursor === undefined || cursors.has(cursor)) throw badAnswer(action, 'pages do not advance');
    cursors.add(cursor);
    after = cursor;
  }
}

async function listPage(connection: OpenAIConnection, action: string, after: string | undefined, signal?: AbortSignal) {
  let answer: unknown;
  try {
    const client = await connection.client();
    const query = after === undefined ? { limit: pageSize } : { limit: pageSize, after };
    // The raw answer, because the SDK's own paging takes a page it cannot read for the last one.
    const response = await client.batches.list(query, signal ? { signal } : {}).asResponse();
    answer = await response.json();
  } catch (error) {
    throw errorOfExchange(action, error, connection.redact, signal);
  }
  const page = answer as { data?: unknown; has_more?: unknown; last_id?: unknown } | null;
  if (!Array.isArray(page?.data)) throw badAnswer(action, 'a page without data');
  const data: readonly unknown[] = page.data;
  return {
    data,
    hasMore: typeof page.has_more === 'boolean' ? page.has_more : undefined,
    lastId: typeof page.last_id === 'string' && page.last_id !== '' ? page.last_id : undefined,
  };
}

async function cancelBatch(connection: OpenAIConnection, remoteId: string, signal?: AbortSignal): Promise<RemoteBatch> {
  const action = `${connection.name}: cancel batch ${remoteId}`;
  try {
    const client = await connection.client();
    const batch = parseBatch(await client.batches.cancel(remoteId, signal ? { signal } : {}));
    if (!batch) throw badAnswer(action, 'no batch');
    return batch;
  } catch (error) {
    // 409: it has ended already.
    const status = faultOfSdkError(error, connection.redact)?.status;
    if (status === 409) return getBatch(connection, remoteId, signal);
    throw notFoundError(connection, remoteId, error) ?? errorOfExchange(action, error, connection.redact, signal);
  }
}
