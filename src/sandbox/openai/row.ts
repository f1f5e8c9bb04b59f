import { hash } from 'node:crypto';
import type { RowAction } from '../fault-plan.ts';
import { costNanoUsd } from '../prices.ts';
import type { RowFaultPicker } from '../row-faults.ts';
import type { ValidRow } from './line-validation.ts';
import type { Endpoint } from './model-answer.ts';

/** What one row leaves behind: lines for the files, and numbers for counts and ledger. */
export interface RowResult {
  customId: string;
  bodyHash: Buffer;
  /** Zero or more whole lines, each with its newline. */
  output: string;
  error: string;
  completed: boolean;
  inputTokens: number;
  outputTokens: number;
  /** `undefined`: no known price. */
  costNanoUsd: number | undefined;
  charged: boolean;
  /** Length of the text that replaces the fill marker. */
  fillBytes: number;
  /** Must become the last line, cut in the middle. */
  truncate: boolean;
}

export interface RowContext {
  execute: Endpoint;
  picker: RowFaultPicker;
  /** 24 hexadecimal digits of the batch's id. */
  idPrefix: string;
  createdSeconds: number;
}

/** Executes one row, spoilt by the fault that matches it. */
export function executeRow(row: ValidRow, position: number, context: RowContext): RowResult {
  const bodyText = JSON.stringify(row.body);
  const bodyHash = hash('sha256', bodyText, 'buffer');
  const fault = context.picker.pick({ customId: row.customId, bodyText, bodyHash, position });
  const idSeed = context.idPrefix + position.toString(16).padStart(8, '0');
  const result: RowResult = {
    customId: row.customId,
    bodyHash,
    output: '',
    error: '',
    completed: false,
    inputTokens: 0,
    outputTokens: 0,
    costNanoUsd: 0,
    charged: false,
    fillBytes: fault?.type === 'huge' ? fault.bytes : 0,
    truncate: fault?.type === 'truncated-last-line',
  };
  if (fault?.type === 'error' || fault?.type === 'status-zero') return failBy(fault, result, idSeed);
  const answer = context.execute(row.body, { idSeed, createdSeconds: context.createdSeconds, fault });
  const line = responseLine(idSeed, row.customId, answer.status, answer.json);
  if (answer.status !== 200) {
    result.error = line;
    return result;
  }
  result.completed = true;
  result.output = spoilLine(line, row.customId, idSeed, fault);
  // An answer that never reaches the client is not charged: else no client could avoid paying twice.
  result.charged = fault?.type !== 'missing' && fault?.type !== 'not-json' && !result.truncate;
  if (result.charged) {
    result.inputTokens = answer.inputTokens;
    result.outputTokens = answer.outputTokens;
    result.costNanoUsd = costNanoUsd(row.model, answer.inputTokens, answer.outputTokens, 'batch');
  }
  return result;
}

export function responseLine(idSeed: string, customId: string, status: number, bodyJson: string): string {
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

function failBy(
  fault: Extract<RowAction, { type: 'error' | 'status-zero' }>,
  result: RowResult,
  idSeed: string,
): RowResult {
  if (fault.type === 'status-zero') {
    result.error = responseLine(idSeed, result.customId, 0, '""');
    return result;
  }
  const line = responseLine(idSeed, result.customId, fault.status, JSON.stringify({ error: errorOf(fault) }));
  if (fault.inOutput === true) result.output = line;
  else result.error = line;
  return result;
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

function spoilLine(line: string, customId: string, idSeed: string, fault: RowAction | undefined): string {
  switch (fault?.type) {
    case 'missing':
      return '';
    case 'duplicate':
      return line + line;
    case 'unknown-id':
      return line + line.replace(JSON.stringify(customId), JSON.stringify(`unknown-${idSeed.slice(-8)}`));
    case 'not-json':
      return '<html><body><h1>502 Bad Gateway</h1></body></html>\n';
    default:
      return line;
  }
}
