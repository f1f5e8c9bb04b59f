import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What every benchmark is given. */
export interface Bench {
  /** Measured runs of each contender. */
  runs: number;
  /** 1: the sizes of the targets; less for a try. */
  scale: number;
  /** Folder for everything that is made on the way. */
  work: string;
  say(line: string): void;
}

export interface Measured {
  ms: number;
  peakBytes: number;
  cpuMs: number;
  stdout: string;
}

export const repository = fileURLToPath(new URL('..', import.meta.url));
export const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const reportUsage = pathToFileURL(here('report-usage.js')).href;

export interface ProcessOptions {
  env?: Record<string, string>;
  /** Exit codes that are no failure; default 0 alone. */
  exitCodes?: readonly number[];
  /** Without its `--import`, whose cost a start-up measurement would show. */
  bare?: boolean;
}

/** A Node process from its start to its end: wall time as seen from here, peak memory and CPU as it saw itself. */
export async function runNode(args: readonly string[], options: ProcessOptions = {}): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-usage-'));
  const usagePath = join(folder, 'usage.json');
  try {
    const started = performance.now();
    const child = spawn(process.execPath, [...(options.bare ? [] : ['--import', reportUsage]), ...args], {
      env: { ...process.env, NO_COLOR: '1', ...options.env, OFFPEAK_BENCH_USAGE: usagePath },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4000);
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const ms = performance.now() - started;
    if (!(options.exitCodes ?? [0]).includes(code ?? -1)) {
      throw new Error(`node ${args.join(' ')} ended with ${code}: ${stderr || stdout}`);
    }
    const usage = options.bare ? { peakBytes: 0, cpuMs: 0 } : readUsage(usagePath);
    return { ms, ...usage, stdout };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readUsage(path: string): { peakBytes: number; cpuMs: number } {
  const usage: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return usage as { peakBytes: number; cpuMs: number };
}

/** Runs a script of `bench/children` and gives the numbers of its last line of output, beside its own usage. */
export async function runChild(name: string, args: readonly (string | number)[]): Promise<Record<string, number>> {
  const measured = await runNode([here(`children/${name}`), ...args.map(String)]);
  const last = measured.stdout.trim().split('\n').at(-1) ?? '{}';
  const numbers = JSON.parse(last) as Record<string, number>;
  return { ...numbers, peakBytes: measured.peakBytes };
}

/** A B A B ...: what else the machine does meets both alike. */
export async function alternate<T>(
  runs: number,
  contenders: Readonly<Record<string, (run: number) => Promise<T>>>,
): Promise<Record<string, T[]>> {
  const all: Record<string, T[]> = {};
  for (let run = 0; run < runs; run++) {
    for (const [name, contender] of Object.entries(contenders)) {
      const results = all[name] ?? [];
      all[name] = results;
      results.push(await contender(run));
    }
  }
  return all;
}

export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[middle - 1] ?? upper;
  return {
    median: sorted.length % 2 === 1 ? upper : (upper + lower) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

export const medianOf = (values: readonly number[]): number => spreadOf(values).median;

/** Of runs that stood side by side: the median of the ratios, not the ratio of the medians. */
export function ratioOf(above: readonly number[], below: readonly number[]): Spread {
  return spreadOf(above.map((value, run) => value / (below[run] ?? Number.NaN)));
}
