import type { BatchError } from '../../batches/batch-record.ts';
import type { BatchDialect, BatchRun } from '../../batches/dialect.ts';
import { failedRow, type RowAnswer, type RowContext } from '../../batches/row.ts';
import { statusAt } from '../../batches/timeline.ts';
import { errorOf } from '../../openai/row.ts';
import { costNanoUsd } from '../../prices.ts';
import type { SandboxState } from '../../state.ts';
import { XAI, type XaiBatch, type XaiDetails } from './batch-details.ts';
import { errorMessageOf } from './errors.ts';
import { createXaiLineValidator, type XaiRow } from './line-validation.ts';

/**
 * Batches of xAI: a JSONL file in, results in pages out. The stored lines are pieces of a page, each with the comma
 * behind it, so that a page is made of them without being read.
 */
export const xaiDialect: BatchDialect<XaiDetails> = {
  provider: XAI,
  shuffles: true,
  // Rows that were not executed have no line: the page that shows them writes it.
  unexecutedFile: undefined,
  begin: beginRun,
  // Batches do not count against any limit of rates or queues.
  refuse: () => [],
  unexecutedLine: () => '',
  settled: (_state, record) => record.details,
  facts: (record, nowMs) => ({
    status: statusAt(record, nowMs),
    inputFileId: record.details.inputFileId,
    metadata: { name: record.details.name },
  }),
};

export const ROW_END = ',\n';

/** One row of a page, its id as JSON text. */
export function resultRow(idJson: string, resultJson: string): string {
  return `{"batch_request_id":${idJson},"batch_result":${resultJson}}${ROW_END}`;
}

function beginRun(state: SandboxState, record: XaiBatch): BatchRun {
  const file = state.files.find(record.details.inputFileId, record.account, state.clock.now());
  const validator = createXaiLineValidator(state.settings.limits.maxRequests);
  const idPrefix = record.id.replaceAll('-', '').slice('batch_'.length, 'batch_'.length + 24);
  const createdSeconds = Math.floor((record.createdMs + record.delays.validatingMs) / 1000);
  return {
    blob: file?.blob,
    get errors() {
      return file === undefined ? [deletedFile] : validator.errors;
    },
    model: null,
    get full() {
      return validator.full;
    },
    read: (line) => validator.check(line),
    answer: (row, context) => {
      const idSeed = idPrefix + context.position.toString(16).padStart(8, '0');
      return answerRow(row as XaiRow, { ...context, idSeed, createdSeconds });
    },
    finish: () => validator.finish(),
  };
}

function answerRow(row: XaiRow, context: RowContext & { idSeed: string; createdSeconds: number }): RowAnswer {
  const { fault } = context;
  const idJson = JSON.stringify(row.customId);
  const failed = (message: string): RowAnswer =>
    failedRow(resultRow(idJson, `{"error":${JSON.stringify(message)}}`), 'output');
  // A row has no status here: what is left of one without status is that nothing is said.
  if (fault?.type === 'status-zero') return failed('');
  if (fault?.type === 'error') return failed(String(errorOf(fault).message));
  const answer = row.endpoint(row.body, context);
  if (answer.status !== 200) return failed(errorMessageOf(answer.json) ?? '');
  const { inputTokens, outputTokens } = answer;
  return {
    line: resultRow(idJson, `{"response":{"chat_get_completion":${answer.json}}}`),
    file: 'output',
    succeeded: true,
    inputTokens,
    outputTokens,
    costNanoUsd: costNanoUsd(row.model, { input: inputTokens, output: outputTokens }, 'batch'),
  };
}

/** Unconfirmed. */
const deletedFile: BatchError = {
  code: 'not_found',
  line: null,
  message: 'the input file was deleted',
  param: null,
};
