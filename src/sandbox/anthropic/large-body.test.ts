import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { BATCHES, messageRow } from './test-client.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const MEGABYTE = 1_000_000;
const BODY_BYTES = 60 * MEGABYTE;
const ROWS = 6000;

let child: ChildProcess | undefined;
let stateDir: string | undefined;
afterEach(async () => {
  if (child !== undefined && child.exitCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  if (stateDir !== undefined) rmSync(stateDir, { recursive: true, force: true });
});

function* body(): Generator<string> {
  const text = 'All work and no play. '.repeat(BODY_BYTES / ROWS / 22);
  for (let i = 0; i < ROWS; i++) {
    yield `${i === 0 ? '{"requests":[' : ','}${JSON.stringify(messageRow(`row-${i}`, {}, text))}`;
  }
  yield ']}';
}

async function post(url: string): Promise<string> {
  const headers = { 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };
  const call = request(url + BATCHES, { method: 'POST', headers });
  const answered = once(call, 'response') as Promise<[import('node:http').IncomingMessage]>;
  await pipeline(Readable.from(body()), call);
  const [response] = await answered;
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

/** Most memory the process ever had, in bytes. */
function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

describe('a create of 60 MB', () => {
  test.skipIf(process.platform !== 'linux')(
    'goes through the sandbox without being held in memory',
    async () => {
      stateDir = mkdtempSync(join(tmpdir(), 'offpeak-sandbox-'));
      child = spawn(process.execPath, [MAIN, '--state', stateDir], { stdio: ['ignore', 'pipe', 'ignore'] });
      const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
      const url = /http:\S+/.exec(line.toString())?.[0] ?? '';
      const before = peakMemory(child.pid ?? 0);
      const created = JSON.parse(await post(url)) as { id: string; request_counts: { processing: number } };
      expect(created.request_counts.processing).toBe(ROWS);
      const headers = { 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01' };
      const ended = async (): Promise<unknown> =>
        ((await (await fetch(`${url}${BATCHES}/${created.id}`, { headers })).json()) as Record<string, unknown>)
          .request_counts;
      await expect.poll(ended, { timeout: 30_000, interval: 100 }).toMatchObject({ succeeded: ROWS });
      const growth = peakMemory(child.pid ?? 0) - before;
      expect(growth / MEGABYTE).toBeLessThan(50);
    },
    60_000,
  );
});
