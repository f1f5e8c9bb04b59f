import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FaultPlan } from '../../src/sandbox/fault-plan.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { checkInvariants, type Verdict } from '../support/check-invariants.ts';
import { type RunningCommand, startCommand, wordsOf } from '../support/command.ts';
import { ledgerOfHome } from '../support/sandbox-process.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { Undo } from '../support/temporary.ts';
import { allViolations, createCrashRun } from './crash-run.ts';

export interface RandomKillOptions {
  seed: number;
  runs: number;
  files?: number;
  /** Runs at the same time. */
  parallel?: number;
  onRun?: (report: RunReport) => void;
}

export interface RunReport {
  seed: number;
  mode: 'batch' | 'realtime';
  faults: boolean;
  /** Where each kill found the run: the state of its newest batch, `realtime`, or how far the process had come. */
  kills: { afterMs: number; found: string }[];
  verdict: Verdict;
  /** Why it is not as it should be; empty when all is well. */
  violations: string[];
}

export interface Totals {
  runs: number;
  kills: number;
  lost: number;
  duplicated: number;
  unexpected: number;
  paidTwice: number;
  recovered: number;
  /** How many kills found the run in each state. */
  found: Record<string, number>;
  failedSeeds: number[];
}

/** A restart is killed again with this chance. */
const killAgain = 0.4;
/** Most of the time a short run takes is the start of its process: this part of the kills comes after it. */
const killWork = 0.85;
const mostStarts = 25;

/**
 * Kills runs at random moments, uniform over the time that a run takes, and starts them again until they are done; each
 * start may be killed again. Half of the runs also meet a provider that loses replies and fails rows.
 */
export async function killAtRandom(options: RandomKillOptions): Promise<Totals> {
  const files = options.files ?? 60;
  const parallel = options.parallel ?? 2;
  const usual = {
    batch: await measure('batch', files, parallel),
    realtime: await measure('realtime', files, parallel),
  };
  const totals: Totals = {
    ...{ runs: 0, kills: 0, lost: 0, duplicated: 0, unexpected: 0, paidTwice: 0, recovered: 0 },
    found: {},
    failedSeeds: [],
  };
  let next = 0;
  const lane = async () => {
    while (next < options.runs) {
      const report = await withUndo((undo) => oneRun(undo, options.seed + next++, files, usual));
      addUp(totals, report);
      options.onRun?.(report);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return totals;
}

function addUp(totals: Totals, { verdict, kills, violations, seed }: RunReport): void {
  totals.runs += 1;
  totals.kills += kills.length;
  for (const name of ['lost', 'duplicated', 'unexpected', 'paidTwice', 'recovered'] as const) {
    totals[name] += verdict[name];
  }
  for (const { found } of kills) totals.found[found] = (totals.found[found] ?? 0) + 1;
  if (violations.length > 0) totals.failedSeeds.push(seed);
}

async function withUndo<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const undone: Parameters<Undo>[0][] = [];
  try {
    return await work((step) => void undone.push(step));
  } finally {
    for (const step of undone.reverse()) await step();
  }
}

/** How long a run takes that nobody kills: to its first line, and from there to its end. */
interface Usual {
  startMs: number;
  workMs: number;
}

/** The line by which the command says that it has its run; what came before is the start of a process. */
const firstLine = /[Rr]un run-/;

async function measure(mode: 'batch' | 'realtime', files: number, parallel: number): Promise<Usual> {
  return withUndo(async (undo) => {
    // As many at once as there will be: they slow each other down.
    const runs = await Promise.all(
      Array.from({ length: parallel }, async () => {
        const crash = createCrashRun(undo, { files, mode });
        const start = performance.now();
        const command = startCommand(withoutJson(crash.args), { home: crash.home, timeoutMs: 60_000 });
        await command.output(firstLine);
        const startMs = performance.now() - start;
        const result = await command.ended;
        if (result.exitCode !== 0) throw new Error(`Without a kill: ${wordsOf(result)}`);
        return { startMs, workMs: result.durationMs - startMs };
      }),
    );
    const mean = (name: keyof Usual) => runs.reduce((sum, run) => sum + run[name], 0) / runs.length;
    return { startMs: mean('startMs'), workMs: mean('workMs') };
  });
}

/** With `--json` nothing is said on the way. */
function withoutJson(args: readonly string[]): string[] {
  return args.filter((arg) => arg !== '--json');
}

/** Kills the command at a moment drawn from the time it has; says when that was, undefined when it was done before. */
async function runKilled(command: RunningCommand, usual: Usual, random: () => number): Promise<number | undefined> {
  const start = performance.now();
  const atWork = random() < killWork;
  const delayMs = random() * (atWork ? usual.workMs : usual.startMs);
  if (atWork) await command.output(firstLine).catch(() => undefined);
  const timer = setTimeout(() => command.kill('SIGKILL'), delayMs);
  const result = await command.ended;
  clearTimeout(timer);
  return result.signal === 'SIGKILL' ? Math.round(performance.now() - start) : undefined;
}

async function oneRun(
  undo: Undo,
  seed: number,
  files: number,
  usual: { batch: Usual; realtime: Usual },
): Promise<RunReport> {
  const random = seededRandom(seed);
  const mode = random() < 0.75 ? 'batch' : 'realtime';
  const faults = random() < 0.5;
  const crash = createCrashRun(undo, { files, mode });
  if (faults) await spoilProvider(crash.home, random);
  const kills: RunReport['kills'] = [];
  for (let start = 1; ; start++) {
    const isKilled = start === 1 || (start < mostStarts && random() < killAgain);
    const command = startCommand(withoutJson(crash.args), { home: crash.home, timeoutMs: 60_000 });
    const afterMs = isKilled ? await runKilled(command, usual[mode], random) : undefined;
    if (afterMs !== undefined) {
      kills.push({ afterMs, found: stateFound(crash.home, mode) });
      continue;
    }
    const result = await command.ended;
    const ledger = await ledgerOfHome(crash.home);
    const verdict = await checkInvariants({ home: crash.home, ledger, attempted: crash.keys });
    return { seed, mode, faults, kills, verdict, violations: allViolations(verdict, result) };
  }
}

/** The sandbox under the home keeps its plan: it holds for every start of the command. */
async function spoilProvider(home: string, random: () => number): Promise<void> {
  const plan: FaultPlan = {
    routes: [
      { method: 'POST', path: '/v1/batches', times: 1, fault: { type: 'lost-reply' } },
      { method: 'POST', path: '/v1/files', times: 1, fault: { type: 'lost-reply' } },
      { method: 'GET', path: '/v1/batches', times: 1, fault: { type: 'status', status: 503 } },
      { method: 'GET', path: '/v1/files/*/content', times: 1, fault: { type: 'cut-reply', bytes: 3000 } },
    ].filter(() => random() < 0.5) as NonNullable<FaultPlan['routes']>,
    rows: [
      { match: { everyNth: 11, attempt: 1 }, fault: { type: 'error', status: 500 } },
      { match: { everyNth: 13, attempt: 1 }, fault: { type: 'missing' } },
    ],
  };
  const sandbox = await startSandbox({ stateDir: join(home, 'sandbox'), faults: plan });
  await sandbox.close();
}

function stateFound(home: string, mode: string): string {
  const path = join(home, 'offpeak.db');
  if (!existsSync(path)) return 'no store';
  const database = new DatabaseSync(path);
  try {
    const tables = database.prepare("SELECT count(*) AS tables FROM sqlite_master WHERE name = 'batches'").get();
    if (tables?.tables !== 1) return 'no schema';
    const run = database.prepare('SELECT * FROM runs ORDER BY seq DESC LIMIT 1').get();
    if (!run) return 'no run';
    if (run.state === 'ended') return 'ended';
    if (mode === 'realtime') return Number(run.running) > 0 ? 'calls under way' : 'no call under way';
    const batch = database.prepare('SELECT state FROM batches ORDER BY id DESC LIMIT 1').get();
    return batch ? String(batch.state) : 'no batch';
  } finally {
    database.close();
  }
}
