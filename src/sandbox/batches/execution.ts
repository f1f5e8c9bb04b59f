import { estimateTokens } from '../answers/prompt.ts';
import { readLines } from '../lines.ts';
import { randomHex } from '../random.ts';
import { createRowFaultPicker, type RowFaultPicker } from '../row-faults.ts';
import type { SandboxState } from '../state.ts';
import type { BatchError, BatchRecord } from './batch-record.ts';
import type { BatchDialect, BatchRun } from './dialect.ts';
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
  dialect: BatchDialect,
  record: BatchRecord,
  pause: () => Promise<void>,
): Promise<Execution> {
  const { version, faults } = state.faults.rows();
  const picker = createRowFaultPicker(faults, state.settings.seed, state.ledger.executionsOf);
  const name = `${record.id}.${randomHex(4)}`;
  const spool = await createSpool(state.blobs, name, { seed: state.settings.seed, shuffles: dialect.shuffles });
  try {
    const errors = [...(record.forcedErrors ?? [])];
    let totals = { rows: 0, tokens: 0 };
    let model: string | null = null;
    if (errors.length === 0) {
      const run = dialect.begin(state, record);
      if (run.blob !== undefined) totals = await runLines(state.blobs.path(run.blob), run, picker, spool, pause);
      errors.push(...run.errors);
      model = run.model;
    }
    return {
      errors,
      model,
      ...totals,
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
  run: BatchRun,
  picker: RowFaultPicker,
  spool: Spool,
  pause: () => Promise<void>,
): Promise<{ rows: number; tokens: number }> {
  let rows = 0;
  let tokens = 0;
  let sliceStart = performance.now();
  for await (const lines of readLines(path)) {
    for (const line of lines) {
      rows++;
      const row = run.read(line);
      // After the first bad line the batch fails anyway: the rest is only validated.
      if (row !== undefined && run.errors.length === 0) {
        tokens += estimateTokens(line.length);
        await spool.add(executeRow(row, rows, picker, (request, context) => run.answer(request, context)));
      }
      if (performance.now() - sliceStart > SLICE_MS) {
        await pause();
        sliceStart = performance.now();
      }
    }
    if (run.full) break;
  }
  run.finish();
  return { rows, tokens };
}
