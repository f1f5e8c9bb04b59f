import { failedRow, type RowAnswer } from '../batches/row.ts';
import type { RowAction } from '../fault-plan.ts';
import { costNanoUsd } from '../prices.ts';
import type { ValidRow } from './line-validation.ts';
import type { AnswerContext, Endpoint } from './model-answer.ts';

/** The answer to one row as a line of the output or the error file (contract section 1.6). */
export function answerRow(row: ValidRow, execute: Endpoint, context: AnswerContext): RowAnswer {
  const { idSeed, fault } = context;
  if (fault?.type === 'status-zero') return failedRow(responseLine(idSeed, row.customId, 0, '""'), 'error');
  if (fault?.type === 'error') {
    const json = JSON.stringify({ error: errorOf(fault) });
    return failedRow(
      responseLine(idSeed, row.customId, fault.status, json),
      fault.inOutput === true ? 'output' : 'error',
    );
  }
  const answer = execute(row.body, context);
  const line = responseLine(idSeed, row.customId, answer.status, answer.json);
  if (answer.status !== 200) return failedRow(line, 'error');
  const { inputTokens, outputTokens } = answer;
  const cost = costNanoUsd(row.model, { input: inputTokens, output: outputTokens }, 'batch');
  return { line, file: 'output', succeeded: true, inputTokens, outputTokens, costNanoUsd: cost };
}

function responseLine(idSeed: string, customId: string, status: number, bodyJson: string): string {
  return (
    `{"id":"batch_req_${idSeed}","custom_id":${JSON.stringify(customId)},"response":{"status_code":${status},` +
    `"request_id":"${idSeed}","body":${bodyJson}},"error":null}\n`
  );
}

/** The line of a row that was not executed (contract section 1.6). */
export function unexecutedLine(idSeed: string, customIdJson: string, outcome: 'expired' | 'cancelled'): string {
  const message =
    outcome === 'expired'
      ? 'This request could not be executed before the completion window expired.'
      : 'This request was not executed because the batch was cancelled.';
  const error = JSON.stringify({ code: `batch_${outcome}`, message });
  return `{"id":"batch_req_${idSeed}","custom_id":${customIdJson},"response":null,"error":${error}}\n`;
}

/** The error object of an `error` row fault. */
export function errorOf(fault: Extract<RowAction, { type: 'error' }>): Record<string, unknown> {
  const type = fault.status === 429 ? 'requests' : fault.status >= 500 ? 'server_error' : 'invalid_request_error';
  return {
    message: fault.message ?? 'The sandbox was told to fail this request.',
    type,
    param: null,
    code: fault.code ?? (fault.status === 429 ? 'rate_limit_exceeded' : null),
  };
}
