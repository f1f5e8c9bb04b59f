import { readFile, stat } from 'node:fs/promises';
import { messageOf, OffpeakError } from '../errors.ts';
import type { ResultRow } from '../sink.ts';

/** A result file as read back; every field but the rows may be missing in an older file. */
export interface JsonResults {
  batchId?: string;
  parameters: Readonly<Record<string, unknown>>;
  rows: JsonResult[];
}

export type JsonResult = Pick<ResultRow, 'key' | 'state' | 'output' | 'errorMessage' | 'seconds'>;

/** The whole file is held in memory; for more there is JSONL. */
const maxBytes = 256 * 1024 * 1024;

/**
 * Reads a JSON result file, ours (`results` is a list) or the older form (`results` is an object keyed by path, with
 * `status` and `content` or `error`). Tolerant: unknown fields are passed over, missing ones are left out. Throws
 * `not_found`, or `usage` for what is not such a file.
 */
export async function readJsonResults(path: string): Promise<JsonResults> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > maxBytes)
      throw new Error(`it has ${size} bytes, more than ${maxBytes}; export the run as JSONL instead`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'not_found' : 'usage';
    throw new OffpeakError(`Cannot read results from ${path}: ${messageOf(error)}.`, { code, cause: error });
  }
  const results = parseJsonResults(text);
  if (!results) {
    throw new OffpeakError(`${path} is not a JSON result file: no JSON, or no "results" in it. Name another file.`, {
      code: 'usage',
    });
  }
  return results;
}

/** The same from text; undefined when it is not JSON or has no results. */
export function parseJsonResults(text: string): JsonResults | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
  if (!isRecord(document)) return undefined;
  const rows = rowsOf(document.results);
  if (!rows) return undefined;
  return {
    ...(typeof document.batch_id === 'string' && { batchId: document.batch_id }),
    parameters: isRecord(document.parameters) ? document.parameters : {},
    rows,
  };
}

function rowsOf(results: unknown): JsonResult[] | undefined {
  if (Array.isArray(results)) {
    return results.flatMap((row: unknown) =>
      isRecord(row) && typeof row.file === 'string' ? [rowOf(row.file, row, row.result)] : [],
    );
  }
  if (!isRecord(results)) return undefined;
  return Object.entries(results).flatMap(([key, row]) => (isRecord(row) ? [rowOf(key, row, row.content)] : []));
}

function rowOf(key: string, row: Record<string, unknown>, result: unknown): JsonResult {
  const output = textOf(result);
  const error = textOf(row.error);
  return {
    key,
    state: stateOf(row.status, error !== undefined),
    ...(output !== undefined && { output }),
    ...(error !== undefined && { errorMessage: error }),
    seconds: typeof row.processing_time === 'number' ? row.processing_time : 0,
  };
}

function stateOf(status: unknown, hasError: boolean): ResultRow['state'] {
  switch (status) {
    case 'success':
    case 'succeeded':
    case 'completed':
      return 'succeeded';
    case 'failed':
    case 'error':
      return 'failed';
    case 'skipped':
    case 'cancelled':
      return status;
    default:
      return hasError ? 'failed' : 'pending';
  }
}

/** A schema run's result is a value; as an output it is that value's text. */
function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
