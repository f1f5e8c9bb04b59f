import { existsSync } from 'node:fs';
import type { BatchError, BatchRecord } from '../batches/batch-record.ts';
import type { BatchDialect, BatchRun, SettledResults } from '../batches/dialect.ts';
import { failedRow, type RowAnswer, type RowContext, type RowRequest } from '../batches/row.ts';
import { statusAt } from '../batches/timeline.ts';
import { asString, isObject, type JsonObject, parseJson } from '../json.ts';
import { costNanoUsd } from '../prices.ts';
import { inputTokensOf } from '../realtime-calls.ts';
import type { SandboxState } from '../state.ts';
import { GEMINI, type GeminiBatch, type GeminiDetails, RESULT_LIFE_MS } from './batch-details.ts';
import { answerEmbedContent } from './embed-content.ts';
import { type GeminiError, invalidArgument } from './errors.ts';
import type { GeminiFileStore } from './file-store.ts';
import { answerGenerateContent } from './generate-content.ts';
import { faultError, type ModelAnswer } from './model-answer.ts';

/** One line of the input. A file's line has a `key` or none, an inline one `metadata` or none. */
interface GeminiRow extends RowRequest {
  /** The beginning of the result line: `"key":"row-1",` or nothing. */
  head: string;
  body: JsonObject | undefined;
}

/** Gemini's batches: results in the order of the requests, none at all when a batch expires or is cancelled. */
export function geminiDialect(files: GeminiFileStore): BatchDialect<GeminiDetails> {
  return {
    provider: GEMINI,
    shuffles: false,
    unexecutedFile: undefined,
    begin: (state, record) => beginRun(record, existsSync(state.blobs.path(record.details.inputBlob))),
    // The queue's limit is checked when a batch is created.
    refuse: () => [],
    unexecutedLine: () => '',
    settled: (state, record, results) => settled(state, files, record, results),
    facts: (record, nowMs) => ({
      status: statusAt(record, nowMs),
      inputFileId: record.details.inputFileId ?? '',
      metadata: record.details.displayName === null ? null : { displayName: record.details.displayName },
    }),
  };
}

function beginRun(record: GeminiBatch, hasInput: boolean): BatchRun {
  const errors: BatchError[] = hasInput ? [] : [failure('NOT_FOUND', 'The input file was deleted.', null)];
  const isInline = record.details.inputFileId === null;
  let lines = 0;
  return {
    blob: hasInput ? record.details.inputBlob : undefined,
    errors,
    model: record.model,
    full: false,
    read(line) {
      lines++;
      const value = parseJson(line.toString('utf8'));
      if (isObject(value)) return readRow(value, isInline);
      if (errors.length === 0)
        errors.push(failure('INVALID_ARGUMENT', `Failed to parse line ${lines} of the input file as JSON.`, lines));
      return undefined;
    },
    answer: (row, context) => answerRow(record, row as GeminiRow, context),
    finish() {
      if (lines === 0) errors.push(failure('INVALID_ARGUMENT', 'The input file has no requests.', null));
    },
  };
}

function failure(code: string, message: string, line: number | null): BatchError {
  return { code, line, message, param: null };
}

function readRow(value: JsonObject, isInline: boolean): GeminiRow {
  const metadata = isObject(value.metadata) ? value.metadata : undefined;
  const customId = asString(isInline ? metadata?.key : value.key) ?? '';
  // Lines may also be bare requests, which nothing but their place tells apart.
  const isBare = value.request === undefined && (value.contents !== undefined || value.content !== undefined);
  const request = isBare ? value : value.request;
  const body = isObject(request) ? request : undefined;
  let head = '';
  if (isInline && metadata !== undefined) head = `"metadata":${JSON.stringify(metadata)},`;
  else if (!isInline && value.key !== undefined && !isBare) head = `"key":${JSON.stringify(value.key)},`;
  return { customId, bodyText: JSON.stringify(body ?? value), head, body };
}

function answerRow(record: GeminiBatch, { head, body }: GeminiRow, { position, fault }: RowContext): RowAnswer {
  const failed = (error: GeminiError | { code: number; message: string }): RowAnswer => {
    const { code, message } = error;
    return failedRow(`{${head}"error":${JSON.stringify({ code, message })}}\n`, 'output');
  };
  if (fault?.type === 'error') return failed(faultError(fault));
  if (fault?.type === 'status-zero') return failed({ code: 0, message: '' });
  if (body === undefined) return failed(invalidArgument('The line has no request.'));
  const model = record.model ?? '';
  const idSeed = Buffer.from(record.id).toString('hex').slice(0, 24) + position.toString(16).padStart(8, '0');
  const answerer = record.details.method === 'embedContent' ? answerEmbedContent : answerGenerateContent;
  const answer: ModelAnswer = answerer(body, { model, idSeed, fault });
  if (answer.error !== null) return failed(answer.error);
  return {
    line: `{${head}"response":${answer.json}}\n`,
    file: 'output',
    succeeded: true,
    inputTokens: inputTokensOf(answer.tokens),
    outputTokens: answer.tokens.output,
    costNanoUsd: costNanoUsd(model, answer.tokens, 'batch'),
  };
}

function settled(
  state: SandboxState,
  files: GeminiFileStore,
  record: BatchRecord<GeminiDetails>,
  { outcome, output, endMs }: SettledResults,
): GeminiDetails {
  const { details } = record;
  if (outcome !== 'completed' || record.removed) return details;
  if (details.inputFileId === null) return { ...details, inlineResults: output };
  const id = `batch-${record.id}`;
  files.insert({
    id,
    account: record.account,
    displayName: null,
    mimeType: 'application/jsonl',
    bytes: output.bytes,
    sha256: '',
    blob: output.blob,
    createdMs: state.clock.now(),
    expiresMs: endMs + RESULT_LIFE_MS,
    source: 'GENERATED',
  });
  return { ...details, responsesFileId: id };
}
