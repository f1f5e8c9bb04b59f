import type { ResultRow, Sink } from '../sink.ts';
import { errorOf, roundSeconds, statusOf } from './row-fields.ts';
import type { TextTarget } from './text-target.ts';

export interface CsvSinkOptions {
  /**
   * Puts `'` before a cell that a spreadsheet would run as a formula. On by default, because cells hold what a model
   * wrote; off for programs that need every byte.
   */
  escapeFormulas?: boolean;
}

/**
 * `file,status,result,processing_time,error`, RFC 4180: CRLF, quotes doubled.
 *
 * Own code and not csv-stringify: its `escape_formulas` leaves cells that start with a line feed alone and turns the
 * text `-5` into `'-5`; with both put right before the call, only the quoting below would be left to it.
 */
export function createCsvSink(target: TextTarget, { escapeFormulas = true }: CsvSinkOptions = {}): Sink {
  const cell = (text: string) => quote(escapeFormulas ? escapeFormula(text) : text);
  return {
    begin: () => target.write('file,status,result,processing_time,error\r\n'),
    write: (row) => target.write(`${cellsOf(row).map(cell).join(',')}\r\n`),
    end: () => target.end(),
    abort: () => target.abort(),
  };
}

/** A row without a result has an empty one and `0.0`, as the format has always had it. */
function cellsOf(row: ResultRow): string[] {
  const succeeded = row.state === 'succeeded';
  return [
    row.key,
    statusOf(row),
    succeeded ? (row.output ?? '') : '',
    succeeded ? secondsText(row.seconds) : '0.0',
    errorOf(row) ?? '',
  ];
}

function secondsText(seconds: number): string {
  const text = String(roundSeconds(seconds));
  return text.includes('.') ? text : `${text}.0`;
}

/** The quotes before the sign make it reversible: a cell that already reads `'=` becomes `''=`. */
const formulaStart = /^'*[=+\-@\t\r\n＝＋－＠]/;
const negativeNumber = /^-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function escapeFormula(text: string): string {
  return formulaStart.test(text) && !negativeNumber.test(text) ? `'${text}` : text;
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
