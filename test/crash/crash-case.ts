import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FaultPlan } from '../../src/sandbox/fault-plan.ts';
import { type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { checkInvariants, type Verdict } from '../support/check-invariants.ts';
import { documentKeys } from '../support/documents-source.ts';
import { providerUnderTest } from '../support/providers-under-test.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryMemory, type Undo } from '../support/temporary.ts';
import type { ChildOrder, ChildReport } from './child.ts';
import { apiOf, isHedge, type Way } from './crash-points.ts';

const childPath = fileURLToPath(new URL('./child.ts', import.meta.url));

export interface CrashCase {
  way: Way;
  seed: number;
  /** Where the processes are killed, one after the other: `C14:15` at the fifteenth pass. */
  kills: readonly string[];
  /** Killed at moments drawn from so many milliseconds instead. */
  randomKills?: { count: number; withinMs: number };
  /** A kill that is not reached proves nothing; true: it may be, for what was done before the first is not passed again. */
  mayMiss?: boolean;
}

export interface CaseReport {
  name: string;
  kills: number;
  missed: number;
  verdict: Verdict;
  /** Why it is not as it should be; empty when all is well. */
  violations: string[];
  milliseconds: number;
}

export function nameOf({ way, seed, kills, randomKills }: CrashCase): string {
  const where = randomKills ? `${randomKills.count} times at random` : kills.join(', then ');
  return `${way} ${where}, seed ${seed}`;
}

/** One run whose processes are killed and started again until one goes through; the provider goes on meanwhile. */
export async function runCase(undo: Undo, given: CrashCase): Promise<CaseReport> {
  const started = performance.now();
  const cancels = given.kills.includes('C20');
  const hedges = given.kills.some(isHedge);
  const { jobs, maxRequests, sandbox: options } = variationOf(given, cancels || hedges);
  const sandbox = await startSandbox({ stateDir: temporaryMemory(undo, 'offpeak-provider-'), ...options });
  undo(() => sandbox.close());
  const order: ChildOrder = {
    home: temporaryMemory(undo, 'offpeak-crash-'),
    url: sandbox.url,
    api: apiOf(given.way),
    mode: given.way === 'realtime' ? 'realtime' : hedges ? 'auto' : 'batch',
    keys: documentKeys(jobs),
    ...(maxRequests === undefined ? {} : { maxRequests }),
    ...(cancels ? { cancels } : {}),
    ...(hedges ? { deadlineAt: Date.now() + 3 * 3_600_000 } : {}),
  };
  const random = seededRandom(given.seed);
  const violations: string[] = [];
  const counts = { kills: 0, missed: 0 };
  for (const kill of killsOf(given, random)) {
    const child = await runChild(order, kill);
    if (child.signal === 'SIGKILL') counts.kills += 1;
    else counts.missed += 1;
    if (child.signal !== 'SIGKILL' && child.exitCode !== 0) violations.push(`${kill}: ${child.words}`);
    else if (child.signal !== 'SIGKILL' && !given.mayMiss) violations.push(`point ${kill} never reached`);
  }
  const last = await runChild(order);
  if (last.report?.state !== 'ended') violations.push(`not ended: ${last.words}`);
  const verdict = await checkInvariants({
    home: order.home,
    ledger: sandbox.ledger(),
    attempted: order.keys,
    allSucceeded: !cancels,
  });
  violations.push(...verdict.violations);
  return { name: nameOf(given), ...counts, verdict, violations, milliseconds: performance.now() - started };
}

type Kill = string | number;

function killsOf({ kills, randomKills }: CrashCase, random: () => number): Kill[] {
  if (!randomKills) return [...kills];
  return Array.from({ length: randomKills.count }, () => Math.round(random() * randomKills.withinMs));
}

/** Seed 1 is the plain run; with the others batches are many and small, and the provider loses replies and fails rows. */
function variationOf(
  { way, seed }: CrashCase,
  isSlow: boolean,
): { jobs: number; maxRequests?: number; sandbox: Omit<SandboxOptions, 'stateDir'> } {
  const random = seededRandom(seed * 7919);
  const delays = isSlow ? { inProgressMs: 2_000, cancellingMs: 50 } : {};
  if (seed === 1) return { jobs: 30, sandbox: { delays } };
  const jobs = 20 + Math.floor(random() * 30);
  return {
    jobs,
    ...(seed % 2 === 0 ? { maxRequests: 5 + Math.floor(random() * 12) } : {}),
    sandbox: { seed, delays, ...(isSlow ? {} : { faults: faultsOf(way, random) }) },
  };
}

function faultsOf(way: Way, random: () => number): FaultPlan {
  const { routes } = providerUnderTest(apiOf(way));
  const lost = { type: 'lost-reply' } as const;
  const down = { type: 'status', status: 503 } as const;
  const all: NonNullable<FaultPlan['routes']> =
    way === 'realtime'
      ? [{ ...routes.call, skip: 3, times: 2, fault: down }]
      : [
          { ...routes.create, times: 1, fault: lost },
          { ...routes.list, times: 1, fault: down },
          { ...routes.poll, skip: 1, times: 1, fault: { type: 'reset' } },
          { ...routes.download, times: 1, fault: { type: 'cut-reply', bytes: 3000 } },
          ...(routes.upload ? [{ ...routes.upload, times: 1, fault: lost }] : []),
        ];
  return {
    routes: all.filter(() => random() < 0.5),
    rows: [
      { match: { everyNth: 11, attempt: 1 }, fault: { type: 'error', status: 500 } },
      ...(way === 'realtime' ? [] : [{ match: { everyNth: 13, attempt: 1 }, fault: { type: 'missing' } as const }]),
    ],
  };
}

interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  report?: ChildReport;
  words: string;
}

/** What the children import is compiled once. */
const compileCache = join(tmpdir(), 'offpeak-crash-cache');
const longestMs = 60_000;

async function runChild(order: ChildOrder, kill?: Kill): Promise<ChildEnd> {
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_COMPILE_CACHE: compileCache };
  // Vitest's own settings are not the child's.
  delete env.NODE_OPTIONS;
  if (typeof kill === 'string') env.OFFPEAK_CRASH_AT = kill;
  const child = spawn(process.execPath, [childPath, JSON.stringify(order)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = typeof kill !== 'number';
      child.kill('SIGKILL');
    },
    typeof kill === 'number' ? kill : longestMs,
  );
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  const words = `exit ${exitCode}, signal ${signal}${timedOut ? ', too slow' : ''} ${texts.stderr.slice(-1500)}`;
  if (timedOut) return { exitCode: 1, signal: null, words };
  const report = exitCode === 0 ? (JSON.parse(texts.stdout) as ChildReport) : undefined;
  return { exitCode, signal, words, ...(report ? { report } : {}) };
}
