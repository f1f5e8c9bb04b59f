import type { FailedOutcome, Outcome } from '../outcome.ts';
import type { ResultLine } from '../provider.ts';
import { type JsonRecord, parseRecord } from './json-values.ts';

/** The object of a result line; a byte order mark before the first line is no part of its JSON. */
export function parseResultRow(text: string): JsonRecord | undefined {
  return parseRecord(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
}

/**
 * A line that names its request as `custom_id`. Hand-written and without a schema library: a batch holds 100,000 of them,
 * and the JSON parse alone should be the cost.
 */
export function readNamedLine(
  text: string,
  outcomeOf: (row: JsonRecord) => Outcome,
  modelOf: (row: JsonRecord) => string | undefined,
): ResultLine {
  const raw = firstBytes(text);
  const row = parseResultRow(text);
  const customId = row?.custom_id;
  if (!row || typeof customId !== 'string') {
    return { outcome: malformedLine(row ? 'has no custom_id' : 'is not JSON'), raw };
  }
  const line: ResultLine = { customId, outcome: outcomeOf(row), raw };
  const model = modelOf(row);
  if (model !== undefined) line.model = model;
  return line;
}

export function readTooLongLine(head: string, bytes: number): ResultLine {
  return { outcome: malformedLine(`has ${bytes} bytes, more than can be read`), raw: firstBytes(head) };
}

/** `what` completes the sentence that begins with the line. */
export function malformedLine(what: string): FailedOutcome {
  return malformed(`the result line ${what}`);
}

export function malformed(message: string): FailedOutcome {
  return { type: 'failed', code: 'malformed', message, retryable: true };
}

const keptBytes = 64 * 1024;

/** At most 64 KiB of a result line, copied, so that a line of 200 MB is not held alive by a slice of it. */
export function firstBytes(text: string): string {
  if (text.length * 3 <= keptBytes) return text;
  if (text.length <= keptBytes && Buffer.byteLength(text) <= keptBytes) return text;
  const bytes = Buffer.from(text.slice(0, keptBytes));
  let end = Math.min(bytes.length, keptBytes);
  // Not in the middle of a character: 10xxxxxx continues one.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
