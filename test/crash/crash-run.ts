import { join } from 'node:path';
import { checkInvariants, type Verdict } from '../support/check-invariants.ts';
import { type CommandResult, runCommand, wordsOf } from '../support/command.ts';
import { ledgerOfHome } from '../support/sandbox-process.ts';
import { temporaryFolder, type Undo, writeDocuments } from '../support/temporary.ts';

/** A folder, a home and the one command that is killed and repeated. */
export interface CrashRun {
  home: string;
  documents: string;
  keys: string[];
  args: string[];
  /** Runs the command to its end, or to its death at a point. */
  run(crashAt?: string): Promise<CommandResult>;
}

export function createCrashRun(undo: Undo, options: { files?: number; mode?: 'batch' | 'realtime' } = {}): CrashRun {
  const folder = temporaryFolder(undo, 'offpeak-crash-');
  const home = join(folder, 'home');
  const documents = join(folder, 'documents');
  const keys = writeDocuments(documents, options.files ?? 30);
  const mode = options.mode ?? 'batch';
  const args = ['run', documents, '--prompt', 'Summarize this document', '--sandbox', '--mode', mode, '--json'];
  return {
    home,
    documents,
    keys,
    args,
    run: (crashAt) => runCommand(args, { home, env: crashAt ? { OFFPEAK_CRASH_AT: crashAt } : {} }),
  };
}

/** The command must have died at the point, not ended before it. */
export function deathAt(point: string, result: CommandResult): string | undefined {
  if (result.signal === 'SIGKILL' && !result.timedOut) return undefined;
  return `point ${point} never reached: ${wordsOf(result)}`;
}

/** The repeated command must have gone through, with every invariant kept; what is wrong otherwise. */
export async function violationsAfter(crash: CrashRun, result: CommandResult): Promise<string[]> {
  const ledger = await ledgerOfHome(crash.home);
  return allViolations(await checkInvariants({ home: crash.home, ledger, attempted: crash.keys }), result);
}

export function allViolations(verdict: Verdict, result: CommandResult): string[] {
  const counts = (['lost', 'duplicated', 'unexpected', 'paidTwice'] as const)
    .filter((name) => verdict[name] > 0)
    .map((name) => `${name} ${verdict[name]}`);
  return [...verdict.violations, ...counts, ...(result.exitCode === 0 ? [] : [wordsOf(result)])];
}
