import type { OffpeakError } from '../../errors.ts';
import type { BatchApi, BatchLimits, RemoteBatch } from '../../provider.ts';
import { batchNotFound } from '../exchange-error.ts';
import type { BatchProfile } from '../server-profile.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { createBatch } from './openai-create.ts';
import { badAnswer, errorOfExchange, faultOfSdkError } from './openai-error.ts';
import { listBatches } from './openai-list.ts';
import { readResults } from './openai-results.ts';
import { batchLineBytes, uploadLines } from './openai-upload.ts';
import { createReadBatch, type ReadBatch } from './read-batch.ts';
import { readResultPages } from './result-pages.ts';

interface Place {
  connection: OpenAIConnection;
  profile: BatchProfile;
  read: ReadBatch;
}

export function createOpenAIBatch(
  connection: OpenAIConnection,
  profile: BatchProfile,
  options: { limits: BatchLimits; window: string | undefined; now: () => number },
): BatchApi {
  const { window, limits } = options;
  const read = createReadBatch(profile.object, { settlesMs: limits.cancelSettlesMs ?? 0, now: options.now });
  const place: Place = { connection, profile, read };
  return {
    limits,
    proof: 'carried',
    lineBytes: (bodyBytes, customId, endpoint) => batchLineBytes(profile.line, bodyBytes, customId, endpoint),
    upload: (input) => uploadLines(connection, profile, input),
    create: (input) => createBatch(connection, { profile, window, read }, input),
    get: (remoteId, signal) => getBatch(place, remoteId, signal),
    list: (signal) => listBatches(connection, profile, read, signal),
    results: (batch, signal) =>
      profile.results === 'files'
        ? readResults(connection, profile.filesPath, batch, signal)
        : readResultPages(connection, batchPath(profile, batch.remoteId), batch, signal),
    cancel: (remoteId, signal) => cancelBatch(place, remoteId, signal),
  };
}

async function getBatch(
  { connection, profile, read }: Place,
  remoteId: string,
  signal?: AbortSignal,
): Promise<RemoteBatch> {
  const action = `${connection.name}: get batch ${remoteId}`;
  try {
    const client = await connection.client();
    const batch = read(await client.get(batchPath(profile, remoteId), signal ? { signal } : {}));
    if (!batch) throw badAnswer(action, 'no batch');
    return batch;
  } catch (error) {
    throw notFoundError(connection, remoteId, error) ?? errorOfExchange(action, error, connection.redact, signal);
  }
}

function batchPath({ batchesPath }: BatchProfile, remoteId: string): string {
  return `${batchesPath}/${encodeURIComponent(remoteId)}`;
}

function notFoundError(connection: OpenAIConnection, remoteId: string, error: unknown): OffpeakError | undefined {
  const isUnknown = faultOfSdkError(error, connection.redact)?.status === 404;
  return isUnknown ? batchNotFound(connection, remoteId) : undefined;
}

async function cancelBatch(place: Place, remoteId: string, signal?: AbortSignal): Promise<RemoteBatch> {
  const { connection, profile, read } = place;
  const action = `${connection.name}: cancel batch ${remoteId}`;
  try {
    const client = await connection.client();
    const path = batchPath(profile, remoteId) + profile.cancelPath;
    const batch = read(await client.post(path, signal ? { signal } : {}));
    if (!batch) throw badAnswer(action, 'no batch');
    return batch;
  } catch (error) {
    // 409: it has ended already. Compatible servers say 400 as well, of other things too: then it still runs.
    const status = faultOfSdkError(error, connection.redact)?.status;
    if (status === 409 || status === 400) {
      const batch = await getBatch(place, remoteId, signal);
      if (status === 409 || batch.phase !== 'running') return batch;
    }
    throw notFoundError(connection, remoteId, error) ?? errorOfExchange(action, error, connection.redact, signal);
  }
}
