import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Load {
  perSecond: number;
  p99Ms: number;
  /** Answers that were not 2xx, and broken connections. */
  failed: number;
}

/** Debian's `wrk`, on one thread: each request has another body of about `bytes`, made by `bodyLua`. */
export async function wrk(
  work: string,
  url: string,
  options: { connections: number; seconds: number; bodyLua: string },
): Promise<Load> {
  const folder = mkdtempSync(join(work, 'wrk-'));
  const script = join(folder, 'post.lua');
  writeFileSync(
    script,
    `local n = 0
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'
function request()
  n = n + 1
  return wrk.format(nil, nil, nil, ${options.bodyLua})
end
`,
  );
  try {
    const text = await output('wrk', [
      '-t1',
      `-c${options.connections}`,
      `-d${options.seconds}s`,
      '--latency',
      '-s',
      script,
      url,
    ]);
    const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
    const [, p99 = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
    const p99Ms = Number(p99) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN);
    const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
    const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
    const failed = refused + broken.slice(1).reduce((sum, count) => sum + Number(count), 0);
    if (Number.isNaN(perSecond) || Number.isNaN(p99Ms)) throw new Error(`wrk said something else: ${text}`);
    return { perSecond, p99Ms, failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    child.once('error', () => reject(new Error(`${command} is not installed; on Debian: apt-get install ${command}`)));
    child.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}: ${text}`)),
    );
  });
}
