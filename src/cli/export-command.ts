import { access, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { deliver } from '../engine/deliver.ts';
import { OffpeakError } from '../errors.ts';
import type { JobState } from '../job.ts';
import { jobStates } from '../job.ts';
import type { Offpeak } from '../offpeak.ts';
import type { Run } from '../run.ts';
import type { ResultRow } from '../sink.ts';
import { checkFileTarget, createFileTarget } from '../sinks/file-target.ts';
import { createSink, type SinkFormat } from '../sinks/sinks.ts';
import { createStreamTarget } from '../sinks/stream-target.ts';
import type { Store } from '../store.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, say } from './output.ts';
import { formatFor, parseWhole } from './run-flags.ts';
import { exitCodeOfRun, summaryOf } from './summary.ts';
import { createPaint, escapeForTerminal } from './terminal.ts';

export interface ExportFlags extends GlobalFlags {
  output?: string;
  format?: string;
  state?: string[];
  formulas?: boolean;
}

/** `offpeak export`: a run's results as a file, or on stdout. */
export async function exportCommand(context: Context, id: string | undefined, flags: ExportFlags): Promise<number> {
  const run = await context.findRun(id);
  const format = formatFor(flags.output, flags.format);
  const states = parseStates(flags.state);
  const rows = await writeResults(await context.store(), run.id, format, flags.output, {
    ...(states ? { states } : {}),
    escapeFormulas: flags.formulas !== true,
  });
  if (flags.output !== undefined) say(`${rows} results of ${run.id} written to ${flags.output}.`);
  return exitCodes.succeeded;
}

/** The file that a run was asked for with; when it cannot be written, the answers are safe all the same, and said so. */
export async function writeOutput(
  context: Context,
  store: Store,
  run: Run,
  path: string,
  format: SinkFormat,
): Promise<void> {
  try {
    await writeResults(store, run.id, format, path);
  } catch (error) {
    say(`${summaryOf(run)}\nThe answers are stored:  ${context.command(`export ${run.id} -o OTHER_FILE`)}`);
    throw error;
  }
}

/** Fails before any money is spent when the output cannot be written at the end. */
export async function checkOutput(output: string | undefined): Promise<void> {
  if (output !== undefined) await checkFileTarget(output);
}

export async function writeResults(
  store: Store,
  runId: string,
  format: SinkFormat,
  output: string | undefined,
  options: { states?: readonly JobState[]; escapeFormulas?: boolean } = {},
): Promise<number> {
  const target = output === undefined ? createStreamTarget(process.stdout) : createFileTarget(output);
  const { escapeFormulas = true, ...rest } = options;
  return deliver(store, runId, createSink(format, target, { escapeFormulas }), rest);
}

/** The same for the folder that keeps every run's results. */
export async function checkResultsDirectory(context: Context): Promise<void> {
  const directory = context.config.text('batch.results_directory');
  if (directory === undefined) return;
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new OffpeakError(`batch.results_directory cannot be used: ${words}`, { code: 'config', cause: error });
  }
}

/** With `batch.results_directory` set, every run that ends is kept there as `<run id>.json`. */
export async function keepResults(context: Context, offpeak: Offpeak, runId: string): Promise<void> {
  const directory = context.config.text('batch.results_directory');
  if (directory === undefined) return;
  const path = join(directory, `${runId}.json`);
  await writeResults(offpeak.store, runId, 'json', path);
  say(`Results written to ${path}.`);
}

export interface ResultsFlags extends GlobalFlags {
  json?: boolean;
  state?: string[];
  limit?: string;
}

/** `offpeak results`: the answers, to be read. */
export async function resultsCommand(context: Context, id: string | undefined, flags: ResultsFlags): Promise<number> {
  const run = await context.findRun(id);
  const store = await context.store();
  const states = parseStates(flags.state);
  if (flags.json) {
    await writeResults(store, run.id, 'json', undefined, states ? { states } : {});
  } else {
    const limit = flags.limit === undefined ? Number.POSITIVE_INFINITY : parseWhole('--limit', flags.limit);
    if (run.simulated) say('SIMULATED answers, made up by the sandbox:');
    await printResults(store, run.id, { limit, ...(states ? { states } : {}) });
  }
  return exitCodeOfRun(run);
}

export async function printResults(
  store: Store,
  runId: string,
  options: { limit: number; states?: readonly JobState[] },
): Promise<void> {
  const paint = createPaint(process.stdout);
  await deliver(
    store,
    runId,
    {
      begin: async () => {},
      write: async (row) => printData(`${paint('bold', escapeForTerminal(row.key))}\n${wordsOf(row)}\n`),
      end: async () => {},
      abort: async () => {},
    },
    options,
  );
}

function wordsOf(row: ResultRow): string {
  if (row.state === 'succeeded') return escapeForTerminal(row.output ?? '').replace(/^/gm, '  ');
  if (row.state === 'pending') return '  (not finished)';
  return `  (${row.state}) ${escapeForTerminal(row.errorMessage ?? row.errorCode ?? '')}`;
}

function parseStates(names: readonly string[] | undefined): JobState[] | undefined {
  return names?.map((name) => {
    const state = jobStates.find((candidate) => candidate === name);
    if (state) return state;
    throw new OffpeakError(`--state must be among ${jobStates.join(', ')}, not ${name}.`, { code: 'usage' });
  });
}
