import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Listening {
  url: string;
  /** From the start of the process to its address. */
  readyMs: number;
  /** Peak of its resident memory so far. */
  peakBytes(): number;
  /** CPU that it has used so far, all threads. */
  cpuMs(): number;
  close(): Promise<void>;
}

/** A server in a process of its own that says `listening on URL`. */
export async function startListening(args: readonly string[], env: Record<string, string> = {}): Promise<Listening> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...env },
  });
  const url = await addressOf(child);
  return {
    url,
    readyMs: performance.now() - startedAt,
    peakBytes: () => Number(/VmHWM:\s+(\d+)/.exec(statusOf(child))?.[1] ?? Number.NaN) * 1024,
    cpuMs: () => cpuOf(child),
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        text = (text + part).slice(-10_000);
        const found = /listening on (http:\/\/[^\s"]+)/.exec(text)?.[1];
        if (found) resolve(found);
      });
    }
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${text}`)));
  });
}

function statusOf({ pid }: ChildProcess): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

/** Of /proc/PID/stat: user and system time, in ticks of 10 ms. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
