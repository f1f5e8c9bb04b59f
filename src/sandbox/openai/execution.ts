import { estimateTokens } from '../answers/prompt.ts';
import { readLines } from '../lines.ts';
import { randomHex } from '../random.ts';
import { createRowFaultPicker } from '../row-faults.ts';
import type { SandboxState } from '../state.ts';
import type { BatchError, BatchRecord } from './batch-record.ts';
import { endpointAt } from './endpoints.ts';
import { createLineValidator, type LineValidator } from './line-validation.ts';
import { executeRow } from './row.ts';
import { createSpool, type Spool } from './spool.ts';

/** What an execution found, ready to be committed. */
export interface Execution {
  errors: BatchError[];
  model: string | null;
  rows: number;
  tokens: number;
  spool: string;
  /** Row faults that fired, by their position in the plan of this version. */
  faultVersion: number;
  fired: ReadonlyMap<number, number>;
  /** Makes the answers visible; only after it may the batch be committed as executed. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

/** Longest time without letting other calls run. */
const SLICE_MS = 8;

/**
 * Validates and answers the whole input in one pass, line by line. Nothing is visible before `keep` and the commit, so a
 * killed or overtaken execution leaves no trace. `pause` is called every few milliseconds and throws to give up.
 */
export async function executeBatch(
  state: SandboxState,
  record: BatchRecord,
  pause: () => Promise<void>,
): Promise<Execution> {
  const { version, faults } = state.faults.rows();
  const picker = createRowFaultPicker(faults, state.settings.seed, state.ledger.executionsOf);
  const name = `${record.id}.${randomHex(4)}`;
  const spool = await createSpool(state.blobs, name, state.settings.seed);
  try {
    const file = state.files.find(record.inputFileId, record.account, state.clock.now());
    const validator = createLineValidator(record.endpoint, state.settings.limits.maxRequests);
    const errors: BatchError[] = record.forcedErrors ?? [];
    let tokens = 0;
    if (errors.length === 0 && (file === undefined || file.purpose !== 'batch')) errors.push(unknownFile(record));
    else if (errors.length === 0 && file !== undefined) {
      const context = {
        execute: executorOf(record.endpoint),
        picker,
        idPrefix: record.id.slice('batch_'.length, 'batch_'.length + 24),
        createdSeconds: Math.floor((record.createdMs + record.delays.validatingMs) / 1000),
      };
      tokens = await runLines(state.blobs.path(file.blob), validator, context, spool, pause);
      errors.push(...validator.errors);
    }
    return {
      errors,
      model: validator.model,
      rows: validator.lines,
      tokens,
      spool: name,
      faultVersion: version,
      fired: picker.fired,
      keep: () => spool.keep(),
      discard: () => spool.discard(),
    };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}

async function runLines(
  path: string,
  validator: LineValidator,
  context: Parameters<typeof executeRow>[2],
  spool: Spool,
  pause: () => Promise<void>,
): Promise<number> {
  let tokens = 0;
  let sliceStart = performance.now();
  for await (const lines of readLines(path)) {
    for (const line of lines) {
      const row = validator.check(line);
      // After the first bad line the batch fails anyway: the rest is only validated.
      if (row !== undefined && validator.errors.length === 0) {
        tokens += estimateTokens(line.length);
        await spool.add(executeRow(row, validator.lines, context));
      }
      if (performance.now() - sliceStart > SLICE_MS) {
        await pause();
        sliceStart = performance.now();
      }
    }
    if (validator.full) break;
  }
  validator.finish();
  return tokens;
}

function executorOf(endpoint: string): Parameters<typeof executeRow>[2]['execute'] {
  const execute = endpointAt(endpoint);
  if (execute === undefined) throw new Error(`The sandbox cannot execute ${endpoint}.`);
  return execute;
}

function unknownFile(record: BatchRecord): BatchError {
  return {
    code: 'invalid_request',
    line: null,
    message: `Cannot find file ${record.inputFileId}, or organization org-sandbox does not have access to it.`,
    param: 'file_id',
  };
}

export function tokenLimitError(model: string | null, limit: number): BatchError {
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
