import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface ResultsProcess {
  url: string;
  /** Told the first custom id, it makes the results; resolves with their bytes. */
  prepare(firstId: string): Promise<number>;
  close(): Promise<void>;
}

/** `results-server.ts` in a process of its own, so that the bytes are made and sent by somebody else. */
export async function startResultsProcess(args: readonly string[]): Promise<ResultsProcess> {
  const script = fileURLToPath(new URL('results-server.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let arrived = () => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line !== ''));
    arrived();
  });
  const next = async () => {
    for (;;) {
      const line = lines.shift();
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const url = await next();
  return {
    url,
    async prepare(firstId) {
      child.stdin.write(`${firstId}\n`);
      return Number(await next());
    },
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
