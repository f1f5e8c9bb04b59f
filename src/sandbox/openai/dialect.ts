import type { BatchError } from '../batches/batch-record.ts';
import type { BatchDialect, BatchRun, SettledResults } from '../batches/dialect.ts';
import { statusAt } from '../batches/timeline.ts';
import { randomBase62 } from '../random.ts';
import type { SandboxState } from '../state.ts';
import { OPENAI, type OpenAiBatch, type OpenAiDetails } from './batch-details.ts';
import { endpointAt } from './endpoints.ts';
import type { FileRecord } from './file-store.ts';
import { createLineValidator, type ValidRow } from './line-validation.ts';
import { answerRow, unexecutedLine } from './row.ts';

const DEFAULT_EXPIRY_S = 30 * 24 * 3600;
/** The limit named when a fault says "queue full" but no limit is configured. */
const EXAMPLE_TOKEN_LIMIT = 2_000_000;
const ID_START = 'batch_'.length;

/** Batches of OpenAI: JSONL files in, an output file and an error file out. */
export const openAiDialect: BatchDialect<OpenAiDetails> = {
  provider: OPENAI,
  shuffles: true,
  unexecutedFile: 'error',
  begin: beginRun,
  refuse(state, record, { model, tokens }) {
    const limit = state.settings.limits.enqueuedTokens;
    if (record.details.tokenLimit) {
      return [tokenLimitError(model, Number.isFinite(limit) ? limit : EXAMPLE_TOKEN_LIMIT)];
    }
    if (!Number.isFinite(limit) || model === null) return [];
    const { provider, account } = record;
    const queued = state.batches.queued({ provider, account, model, nowMs: state.clock.now() });
    return queued.tokens + tokens > limit ? [tokenLimitError(model, limit)] : [];
  },
  unexecutedLine(record, { customIdJson, position, outcome }) {
    const idSeed = `${record.id.slice(ID_START, ID_START + 23)}f${position.toString(16).padStart(8, '0')}`;
    return unexecutedLine(idSeed, customIdJson, outcome);
  },
  settled: insertResultFiles,
  facts: (record, nowMs) => ({
    status: statusAt(record, nowMs),
    inputFileId: record.details.inputFileId,
    metadata: record.details.metadata,
  }),
};

function beginRun(state: SandboxState, record: OpenAiBatch): BatchRun {
  const { endpoint, inputFileId } = record.details;
  const file = state.files.find(inputFileId, record.account, state.clock.now());
  const validator = createLineValidator(endpoint, state.settings.limits.maxRequests);
  const execute = endpointAt(endpoint);
  if (execute === undefined) throw new Error(`The sandbox cannot execute ${endpoint}.`);
  const idPrefix = record.id.slice(ID_START, ID_START + 24);
  const createdSeconds = Math.floor((record.createdMs + record.delays.validatingMs) / 1000);
  const isUsable = file !== undefined && file.purpose === 'batch';
  return {
    blob: isUsable ? file.blob : undefined,
    get errors() {
      return isUsable ? validator.errors : [unknownFile(inputFileId)];
    },
    get model() {
      return validator.model;
    },
    get full() {
      return validator.full;
    },
    read: (line) => validator.check(line),
    answer: (row, { position, fault }) => {
      const idSeed = idPrefix + position.toString(16).padStart(8, '0');
      return answerRow(row as ValidRow, execute, { idSeed, createdSeconds, fault });
    },
    finish: () => validator.finish(),
  };
}

function insertResultFiles(
  state: SandboxState,
  record: OpenAiBatch,
  { endMs, output, error }: SettledResults,
): OpenAiDetails {
  const { details, account, id } = record;
  const expiresMs = endMs + (details.outputExpiresSeconds ?? DEFAULT_EXPIRY_S) * 1000;
  const insert = (file: Pick<FileRecord, 'blob' | 'bytes'>, kind: 'output' | 'error'): string | null => {
    if (file.bytes === 0) return null;
    const fileId = `file-${randomBase62(22)}`;
    const filename = `${id}_${kind}.jsonl`;
    state.files.insert({
      ...file,
      account,
      id: fileId,
      filename,
      purpose: 'batch_output',
      createdMs: endMs,
      expiresMs,
    });
    return fileId;
  };
  return { ...details, outputFileId: insert(output, 'output'), errorFileId: insert(error, 'error') };
}

function unknownFile(inputFileId: string): BatchError {
  return {
    code: 'invalid_request',
    line: null,
    message: `Cannot find file ${inputFileId}, or organization org-sandbox does not have access to it.`,
    param: 'file_id',
  };
}

function tokenLimitError(model: string | null, limit: number): BatchError {
  return {
    code: 'token_limit_exceeded',
    line: null,
    message:
      `Enqueued token limit reached for ${model ?? 'this model'} in organization org-sandbox. ` +
      `Limit: ${limit.toLocaleString('en-US')} enqueued tokens. ` +
      'Please try again once some in_progress batches have been completed.',
    param: null,
  };
}
