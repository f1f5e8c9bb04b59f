import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BatchState, batchMoves } from '../../src/batch.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import type { Setting } from '../../src/cli/setting.ts';
import { settings } from '../../src/cli/settings.ts';
import { type JobState, jobMoves } from '../../src/job.ts';
import { failureCodes } from '../../src/outcome.ts';
import type { SkipCode } from '../../src/source.ts';
import { limitsTable, pricesTable, proofTable, sandboxAddresses, serversTable } from './provider-tables.ts';
import { table } from './table.ts';

// The parts of the docs that are made from the code. A state, code or reason that is missing here does not compile.

const jobMeanings: Record<JobState, string> = {
  queued: 'waits to be sent',
  packed: 'is in a batch that has not been accepted yet',
  running: 'is with the provider',
  succeeded: 'has an answer; final',
  failed: 'has no attempts left, or an error that trying again does not cure; `retry` and `resume` try again',
  cancelled: 'was stopped by `offpeak cancel`; a paid answer that comes late is still kept',
  skipped: 'was never sent, with the reason; `resume` looks at the file again',
};

const batchMeanings: Record<BatchState, string> = {
  packing: 'jobs are being put into it; nothing was sent',
  packed: 'sealed; is uploaded next',
  submitting: 'the call that creates it is on its way',
  unknown: 'that call was sent and its reply lost; the provider is asked before anything else is done',
  in_progress: 'the provider has accepted it and works on it',
  ended: 'the provider has finished; the results can be fetched',
  collecting: 'the results are being read',
  collected: 'every job of it is booked; final',
  failed: 'the provider refused it as a whole; final, its jobs went back or failed',
  abandoned: 'given up before anything was created; final, its jobs went back',
};

const exitMeanings: Record<keyof typeof exitCodes, string> = {
  succeeded: 'everything succeeded',
  someFailed: 'the run ended, and some jobs failed, were skipped or cancelled',
  usage: 'wrong flag, missing argument, nothing to do: nothing was done',
  couldNotRun: 'could not run: store, provider, disk, or a Node that is too old',
  interrupted: 'interrupted by Ctrl-C or SIGTERM; go on with `offpeak resume`',
};

const skipMeanings: Record<SkipCode, string> = {
  missing: 'there is no such file',
  unreadable: 'it cannot be read, is a pipe or device, changed while it was read, or is a damaged image or document',
  empty: 'no bytes, or nothing but white space',
  binary: 'neither text nor a kind of file that is understood',
  too_large: 'longer than `--max-file-size` (text) or `--max-image-size` (image, PDF, Word file)',
  unsupported: 'not an image, and `--vision` asked for images only; or nothing that the provider can take',
  malformed: 'a line of a JSONL file that is not a request',
  duplicate: 'the file was named before, or the id stands on a line before',
};

const makers: Readonly<Record<string, (root: string) => string | Promise<string>>> = {
  'job-states': () => stateTable(jobMoves, jobMeanings),
  'batch-states': () => stateTable(batchMoves, batchMeanings),
  'exit-codes': () =>
    table(
      ['code', 'meaning'],
      Object.entries(exitMeanings).map(([name, meaning]) => [
        String(exitCodes[name as keyof typeof exitCodes]),
        meaning,
      ]),
    ),
  'skip-codes': () =>
    table(
      ['reason', 'meaning'],
      Object.entries(skipMeanings).map(([code, words]) => [`\`${code}\``, words]),
    ),
  'failure-codes': () =>
    table(
      ['code', 'meaning'],
      Object.entries(failureCodes).map(([code, words]) => [`\`${code}\``, words]),
    ),
  settings: settingsTable,
  servers: serversTable,
  'provider-limits': limitsTable,
  'batch-proofs': proofTable,
  prices: pricesTable,
  'sandbox-addresses': sandboxAddresses,
  'command-line': commandLine,
};

export const generatedNames: readonly string[] = Object.keys(makers);

/** Every generated part by its name. */
export async function makeTables(root: string): Promise<Map<string, string>> {
  const made = await Promise.all(Object.entries(makers).map(async ([name, make]) => [name, await make(root)] as const));
  return new Map(made);
}

function stateTable<State extends string>(
  moves: Readonly<Record<State, readonly State[]>>,
  meanings: Readonly<Record<State, string>>,
): string {
  const rows = (Object.keys(moves) as State[]).map((state) => [
    `\`${state}\``,
    meanings[state],
    moves[state].map((next) => `\`${next}\``).join(', ') || '-',
  ]);
  return table(['state', 'meaning', 'may become'], rows);
}

function settingsTable(): string {
  const rows = (settings as readonly Setting[]).map(({ key, env, otherEnv, fallback, about }) => [
    `\`${key}\``,
    [env, otherEnv].flatMap((name) => (name === undefined ? [] : [`\`${name}\``])).join(', ') || '-',
    fallback === undefined ? '-' : `\`${fallback}\``,
    about,
  ]);
  return table(['setting', 'environment', 'default', 'what it is'], rows);
}

/** What `--help` says, of the program and of each command. */
async function commandLine(root: string): Promise<string> {
  const main = await helpOf(root, []);
  const commands = commandNames(main);
  const helps = await Promise.all(commands.map((command) => helpOf(root, [command])));
  const sections = commands.map((command, at) => `## offpeak ${command}\n\n${fenced(helps[at] ?? '')}`);
  return [fenced(main), ...sections].join('\n\n');
}

/** From the list under `Commands:`; an alias stands behind a bar. */
export function commandNames(help: string): string[] {
  const list = /\nCommands:\n([\s\S]*?)\n\n/.exec(help)?.[1] ?? '';
  const names = [...list.matchAll(/^ {2}([a-z]+)[ |]/gm)].map((match) => match[1] ?? '');
  return names.filter((name) => name !== 'help');
}

const start = promisify(execFile);

export async function helpOf(root: string, command: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, NO_COLOR: '1' };
  const file = join(root, 'bin', 'offpeak-from-source.js');
  const { stdout } = await start(process.execPath, [file, ...command, '--help'], { env });
  return stdout.trimEnd();
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
