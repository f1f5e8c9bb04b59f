import { hash } from 'node:crypto';
import type { RowAction } from '../fault-plan.ts';
import type { RowFaultPicker } from '../row-faults.ts';

/** One request of a batch, as its dialect read it. */
export interface RowRequest {
  customId: string;
  /** What the row is told by in the ledger and searched in by faults: the model call without its custom id. */
  bodyText: string;
}

export interface RowContext {
  /** 1-based line of the stored input. */
  position: number;
  fault: RowAction | undefined;
}

/** What the dialect makes of a row. */
export interface RowAnswer {
  /** One whole result line with its newline; a huge answer has the fill marker in it. */
  line: string;
  file: 'output' | 'error';
  succeeded: boolean;
  /** All prompt tokens, cached ones too. */
  inputTokens: number;
  outputTokens: number;
  /** `undefined`: no known price. */
  costNanoUsd: number | undefined;
}

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
  costNanoUsd: number | undefined;
  charged: boolean;
  /** Length of the text that replaces the fill marker. */
  fillBytes: number;
  /** Must become the last line, cut in the middle. */
  truncate: boolean;
}

/** A failed row's answer: nothing is charged. */
export function failedRow(line: string, file: RowAnswer['file']): RowAnswer {
  return { line, file, succeeded: false, inputTokens: 0, outputTokens: 0, costNanoUsd: 0 };
}

/** Executes one row, spoilt by the fault that matches it. */
export function executeRow(
  row: RowRequest,
  position: number,
  picker: RowFaultPicker,
  answerRow: (row: RowRequest, context: RowContext) => RowAnswer,
): RowResult {
  const bodyHash = hash('sha256', row.bodyText, 'buffer');
  const fault = picker.pick({ customId: row.customId, bodyText: row.bodyText, bodyHash, position });
  const answer = answerRow(row, { position, fault });
  const result: RowResult = {
    customId: row.customId,
    bodyHash,
    output: answer.file === 'output' ? answer.line : '',
    error: answer.file === 'error' ? answer.line : '',
    completed: answer.succeeded,
    inputTokens: 0,
    outputTokens: 0,
    costNanoUsd: 0,
    charged: false,
    fillBytes: fault?.type === 'huge' ? fault.bytes : 0,
    truncate: fault?.type === 'truncated-last-line',
  };
  if (!answer.succeeded) return result;
  result.output = spoilLine(answer.line, row.customId, position, fault);
  // An answer that never reaches the client is not charged: else no client could avoid paying twice.
  result.charged = fault?.type !== 'missing' && fault?.type !== 'not-json' && !result.truncate;
  if (result.charged) {
    result.inputTokens = answer.inputTokens;
    result.outputTokens = answer.outputTokens;
    result.costNanoUsd = answer.costNanoUsd;
  }
  return result;
}

function spoilLine(line: string, customId: string, position: number, fault: RowAction | undefined): string {
  switch (fault?.type) {
    case 'missing':
      return '';
    case 'duplicate':
      return line + line;
    case 'unknown-id': {
      const unknownId = `unknown-${position.toString(16).padStart(8, '0')}`;
      return line + line.replace(JSON.stringify(customId), JSON.stringify(unknownId));
    }
    case 'not-json':
      return '<html><body><h1>502 Bad Gateway</h1></body></html>\n';
    default:
      return line;
  }
}
