import type { BatchDialect, BatchRun } from '../batches/dialect.ts';
import { failedRow, type RowAnswer, type RowContext, type RowRequest } from '../batches/row.ts';
import { timelineOf } from '../batches/timeline.ts';
import { asString, isObject, type JsonObject, parseJson } from '../json.ts';
import { costNanoUsd } from '../prices.ts';
import { inputTokensOf } from '../realtime-calls.ts';
import type { SandboxState } from '../state.ts';
import { ANTHROPIC, type AnthropicBatch, type AnthropicDetails } from './batch-details.ts';
import { processingStatus } from './batch-object.ts';
import type { Problem } from './errors.ts';
import { answerMessage } from './message-answer.ts';
import { batchCache } from './prompt-cache.ts';

interface MessageRow extends RowRequest {
  params: JsonObject;
}

const ID_START = 'msgbatch_'.length;

/** Batches of Anthropic: the requests came in the create, all results go into one file (contract section 2.5). */
export const anthropicDialect: BatchDialect<AnthropicDetails> = {
  provider: ANTHROPIC,
  shuffles: true,
  unexecutedFile: 'output',
  begin: beginRun,
  refuse: () => [],
  unexecutedLine: (_record, { customIdJson, outcome }) =>
    `{"custom_id":${customIdJson},"result":{"type":"${outcome === 'expired' ? 'expired' : 'canceled'}"}}\n`,
  settled: (_state, record, { output }) => ({ ...record.details, results: output }),
  facts: (record, nowMs) => ({ status: processingStatus(record, nowMs), inputFileId: '', metadata: null }),
};

function beginRun(state: SandboxState, record: AnthropicBatch): BatchRun {
  const { details, account, id } = record;
  const cache = batchCache(state, account, id, timelineOf(record).startMs);
  const answer = (row: MessageRow, { position, fault }: RowContext): RowAnswer => {
    if (details.failsWith !== null) return erroredRow(row.customId, details.failsWith);
    const idSeed = id.slice(ID_START, ID_START + 16) + position.toString(16).padStart(8, '0');
    const context = { version: details.version, idSeed, tier: 'batch', cache, fault } as const;
    const message = answerMessage(row.params, row.bodyText, context);
    if ('problem' in message) return erroredRow(row.customId, message.problem);
    return {
      line: resultLine(row.customId, `{"type":"succeeded","message":${message.json}}`),
      file: 'output',
      succeeded: true,
      inputTokens: inputTokensOf(message.tokens),
      outputTokens: message.tokens.output,
      costNanoUsd: costNanoUsd(message.model, message.tokens, 'batch'),
    };
  };
  return {
    blob: details.input,
    errors: [],
    model: null,
    full: false,
    read: readRow,
    answer: (row, context) => answer(row as MessageRow, context),
    finish: () => undefined,
  };
}

/** The create has checked every line. */
function readRow(line: Buffer): MessageRow {
  const value = parseJson(line.toString('utf8'));
  const params = isObject(value) && isObject(value.params) ? value.params : {};
  const customId = isObject(value) ? (asString(value.custom_id) ?? '') : '';
  return { customId, params, bodyText: JSON.stringify(params) };
}

function erroredRow(customId: string, problem: Problem): RowAnswer {
  const error = JSON.stringify({ type: 'error', error: problem, request_id: null });
  return failedRow(resultLine(customId, `{"type":"errored","error":${error}}`), 'output');
}

function resultLine(customId: string, resultJson: string): string {
  return `{"custom_id":${JSON.stringify(customId)},"result":${resultJson}}\n`;
}
