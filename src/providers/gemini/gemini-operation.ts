import type { RemoteBatch } from '../../provider.ts';
import { arrayOf, countOf, type JsonRecord, recordOf, textOf, timeOf } from '../json-values.ts';
import { plainModel } from './gemini-endpoint.ts';
import { limitInWords } from './gemini-error.ts';
import { detailsOf, failureOf, statusWordOf } from './gemini-failures.ts';

const displayPrefix = 'offpeak-';

/** What a batch carries as its name: the only thing that the provider lets us put on it. */
export function displayNameOf(nonce: string): string {
  return displayPrefix + nonce;
}

/** Contracts, Gemini 3.5: what runs or waits longer ends without any result. */
const lifetimeMs = 48 * 3_600_000;

/** The long-running operation that stands for a batch; undefined when it carries no name. */
export function parseOperation(operation: JsonRecord | undefined): RemoteBatch | undefined {
  const metadata = recordOf(operation?.metadata);
  const remoteId = textOf(operation?.name) ?? textOf(metadata?.name);
  if (!operation || !remoteId) return undefined;
  const rawStatus = statusOf(operation, metadata);
  const remote: RemoteBatch = {
    remoteId,
    phase: endedStatuses.has(rawStatus) ? 'ended' : 'running',
    rawStatus,
    resultFileIds: resultFilesOf(operation, metadata),
    errors: [],
  };
  if (rawStatus === 'failed') addFailure(remote, operation, metadata);
  addFacts(remote, metadata);
  return remote;
}

/** A word that we do not know is no end: only these promise that nothing more will come. */
const endedStatuses = new Set(['succeeded', 'partially_succeeded', 'cancelled', 'expired']);

/** Documents say `JOB_STATE_X`, the wire `BATCH_STATE_X`; without a state, `done` tells. */
function statusOf(operation: JsonRecord, metadata: JsonRecord | undefined): string {
  const state = textOf(metadata?.state)
    ?.replace(/^(JOB|BATCH)_STATE_/, '')
    .toLowerCase();
  if (state && (endedStatuses.has(state) || state === 'failed')) return state;
  if (operation.done !== true) return state ?? 'unspecified';
  const error = recordOf(operation.error);
  if (!error) return 'succeeded';
  return statusWordOf(error) === 'CANCELLED' ? 'cancelled' : 'failed';
}

function resultFilesOf(operation: JsonRecord, metadata: JsonRecord | undefined): string[] {
  const file = textOf(recordOf(operation.response)?.responsesFile) ?? textOf(recordOf(metadata?.output)?.responsesFile);
  return file === undefined ? [] : [file];
}

/** The results of a batch whose requests were sent inline: they stand in the operation itself, twice. */
export function inlinedRowsOf(operation: JsonRecord): readonly unknown[] {
  const outputs = [recordOf(operation.response), recordOf(recordOf(operation.metadata)?.output)];
  for (const output of outputs) {
    const rows = arrayOf(recordOf(output?.inlinedResponses)?.inlinedResponses);
    if (rows.length > 0) return rows;
  }
  return [];
}

/**
 * A failed batch was refused, unless it has results all the same; when the provider itself broke down, nobody is to
 * blame, and the same file can be submitted again.
 */
function addFailure(remote: RemoteBatch, operation: JsonRecord, metadata: JsonRecord | undefined): void {
  const error = recordOf(operation.error) ?? recordOf(metadata?.error);
  const message = textOf(error?.message) ?? 'the provider gives no reason';
  const word = statusWordOf(error) ?? 'failed';
  const { code, retryable } = failureOf(word);
  remote.errors = [{ code, message: message.includes(word) ? message : `${word}: ${message}` }];
  const noRoom = word === 'RESOURCE_EXHAUSTED' || /enqueued|quota/i.test(message);
  const hasResults = remote.resultFileIds.length > 0 || inlinedRowsOf(operation).length > 0;
  if (hasResults) {
    remote.phase = 'ended';
    return;
  }
  remote.phase = 'refused';
  remote.refusal = noRoom ? 'no_room' : retryable ? 'provider' : isFileMissing(message) ? 'file_missing' : 'batch';
  const limit = detailsOf(error).quotaTokens ?? limitInWords(message);
  if (noRoom && limit !== undefined) remote.limit = limit;
}

export function isFileMissing(message: string): boolean {
  return /\bfiles?\b/i.test(message) && /not found|not exist|no such|cannot find|expired|deleted/i.test(message);
}

function addFacts(remote: RemoteBatch, metadata: JsonRecord | undefined): void {
  const stats = recordOf(metadata?.batchStats);
  if (stats) {
    remote.counts = {
      total: int64Of(stats.requestCount),
      succeeded: int64Of(stats.successfulRequestCount),
      failed: int64Of(stats.failedRequestCount),
    };
  }
  const name = textOf(metadata?.displayName);
  if (name?.startsWith(displayPrefix)) remote.nonce = name.slice(displayPrefix.length);
  const input = textOf(recordOf(metadata?.inputConfig)?.fileName);
  if (input) remote.inputFileId = input;
  const model = textOf(metadata?.model);
  if (model) remote.model = plainModel(model);
  const createdAt = timeOf(metadata?.createTime);
  if (createdAt !== undefined) {
    remote.createdAt = createdAt;
    remote.expiresAt = createdAt + lifetimeMs;
  }
  const endedAt = timeOf(metadata?.endTime);
  if (endedAt !== undefined) remote.endedAt = endedAt;
}

/** Counts come as text; one that is zero is left out. */
function int64Of(value: unknown): number {
  return countOf(typeof value === 'string' ? Number(value) : value) ?? 0;
}
