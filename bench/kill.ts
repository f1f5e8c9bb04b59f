import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { here } from './harness.ts';

/** Runs a script of `bench/children` until it says `ready`, and kills it with -9. */
export async function killWhenReady([script = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [here(`children/${script}`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('ready') && resolve());
  });
  await Promise.race([ready, refuseToEnd(child, () => '')]);
  await kill(child);
}

/** Runs a command until the promise resolves, and kills it with -9; returns the most memory it had. */
export async function killAfter(
  args: readonly string[],
  env: Record<string, string>,
  happened: Promise<unknown>,
  limitMs: number,
): Promise<number> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  const late = new AbortController();
  try {
    await Promise.race([
      happened,
      refuseToEnd(child, () => stderr),
      sleep(limitMs, undefined, { signal: late.signal }).then(() => {
        throw new Error(`${args.join(' ')} had not got so far after ${limitMs} ms: ${stderr}`);
      }),
    ]);
    return peakOf(child.pid);
  } finally {
    late.abort();
    await kill(child);
  }
}

async function refuseToEnd(child: ChildProcess, words: () => string): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`${child.spawnargs.join(' ')} ended too early, with ${code}: ${words()}`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** The most memory that a living process had; NaN where there is no /proc. */
function peakOf(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}
