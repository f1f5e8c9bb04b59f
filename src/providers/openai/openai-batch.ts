import type { OffpeakError } from '../../errors.ts';
import type { BatchApi, BatchLimits, RemoteBatch } from '../../provider.ts';
import { batchNotFound } from '../exchange-error.ts';
import type { BatchProfile } from '../server-profile.ts';
import { parseBatch } from './openai-api.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { createBatch } from './openai-create.ts';
import { badAnswer, errorOfExchange, faultOfSdkError } from './openai-error.ts';
import { listBatches } from './openai-list.ts';
import { readResults } from './openai-results.ts';
import { batchLineBytes, uploadLines } from './openai-upload.ts';

export function createOpenAIBatch(
  connection: OpenAIConnection,
  profile: BatchProfile,
  options: { limits: BatchLimits; window: string },
): BatchApi {
  return {
    limits: options.limits,
    proof: 'carried',
    lineBytes: (bodyBytes, customId, endpoint) => batchLineBytes(profile.line, bodyBytes, customId, endpoint),
    upload: (input) => uploadLines(connection, profile, input),
    create: (input) => createBatch(connection, profile, options.window, input),
    get: (remoteId, signal) => getBatch(connection, profile, remoteId, signal),
    list: (signal) => listBatches(connection, profile, signal),
    results: (batch, signal) => readResults(connection, profile.filesPath, batch, signal),
    cancel: (remoteId, signal) => cancelBatch(connection, profile, remoteId, signal),
  };
}

async function getBatch(
  connection: OpenAIConnection,
  profile: BatchProfile,
  remoteId: string,
  signal?: AbortSignal,
): Promise<RemoteBatch> {
  const action = `${connection.name}: get batch ${remoteId}`;
  try {
    const client = await connection.client();
    const answer: unknown = await client.get(batchPath(profile, remoteId), signal ? { signal } : {});
    const batch = parseBatch(answer, profile.object);
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

async function cancelBatch(
  connection: OpenAIConnection,
  profile: BatchProfile,
  remoteId: string,
  signal?: AbortSignal,
): Promise<RemoteBatch> {
  const action = `${connection.name}: cancel batch ${remoteId}`;
  try {
    const client = await connection.client();
    const answer: unknown = await client.post(`${batchPath(profile, remoteId)}/cancel`, signal ? { signal } : {});
    const batch = parseBatch(answer, profile.object);
    if (!batch) throw badAnswer(action, 'no batch');
    return batch;
  } catch (error) {
    // 409: it has ended already. Compatible servers say 400 as well, of other things too: then it still runs.
    const status = faultOfSdkError(error, connection.redact)?.status;
    if (status === 409 || status === 400) {
      const batch = await getBatch(connection, profile, remoteId, signal);
      if (status === 409 || batch.phase !== 'running') return batch;
    }
    throw notFoundError(connection, remoteId, error) ?? errorOfExchange(action, error, connection.redact, signal);
  }
}
