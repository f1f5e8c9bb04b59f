import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { runCommand, startCommand, wordsOf } from '../support/command.ts';
import { temporaryFolder, type Undo } from '../support/temporary.ts';

vi.setConfig({ testTimeout: 60_000 });

/** `serve --sandbox` on a free port; resolves when it listens. */
async function startServe(undo: Undo, home: string, more: readonly string[] = [], env = {}) {
  const command = startCommand(['serve', '--sandbox', '--port', '0', ...more], { home, env, timeoutMs: 50_000 }, undo);
  const [, url = ''] = await command.output(/listening on (http:\S+)/);
  return { ...command, url };
}

/** As when no memory is left for it. */
const endThreadOnSignal = `
  import { isMainThread, Worker } from 'node:worker_threads';
  const { postMessage } = Worker.prototype;
  let store;
  if (isMainThread) {
    Worker.prototype.postMessage = function (message) {
      if (message.method) store = this;
      return postMessage.call(this, message);
    };
    process.on('SIGUSR2', () => store.terminate());
  }`;

async function queueJob(url: string, token?: string): Promise<number> {
  const answer = await fetch(`${url}/batch/queue`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ job_type: 'creative_scoring', provider: 'openai', data: { script: 'Buy now' } }),
  });
  await answer.text();
  return answer.status;
}

/** Overwrites the first page of a table, as a failing disk may. */
function damage(home: string, table: string): void {
  const path = join(home, 'offpeak.db');
  const db = new DatabaseSync(path);
  const number = (sql: string, ...values: string[]) => Number(Object.values(db.prepare(sql).get(...values) ?? {})[0]);
  number('PRAGMA wal_checkpoint(TRUNCATE)');
  const size = number('PRAGMA page_size');
  const page = number('SELECT rootpage FROM sqlite_schema WHERE name = ?', table);
  db.close();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(size, 0xff), 0, size, (page - 1) * size);
  closeSync(file);
}

describe.concurrent('serve', () => {
  it.for(['SIGTERM', 'SIGINT'] as const)(
    'ends on %s within its ten seconds, and the next goes on',
    async (signal, context) => {
      const home = temporaryFolder(context.onTestFinished);
      const first = await startServe(context.onTestFinished, home);
      expect(await queueJob(first.url)).toBe(200);
      const before = performance.now();
      first.kill(signal);
      const stopped = await first.ended;
      expect(performance.now() - before).toBeLessThan(10_000);
      expect(stopped.exitCode, wordsOf(stopped)).toBe(0);
      const second = await startServe(context.onTestFinished, home);
      const status = await fetch(`${second.url}/batch/queue/status`);
      expect(await status.json()).toMatchObject({ total_queued: 1 });
    },
  );

  it('two on one store, but not on one port', async ({ onTestFinished }) => {
    const home = temporaryFolder(onTestFinished);
    const [first, second] = await Promise.all([startServe(onTestFinished, home), startServe(onTestFinished, home)]);
    expect([await queueJob(first.url), await queueJob(second.url)]).toEqual([200, 200]);
    const status = await fetch(`${first.url}/batch/queue/status`);
    expect(await status.json()).toMatchObject({ total_queued: 2 });
    const { port } = new URL(first.url);
    const third = await runCommand(['serve', '--sandbox', '--port', port], { home });
    expect(third.exitCode, wordsOf(third)).toBe(2);
    expect(third.stderr).toContain(port);
  });

  it('a door to the network needs a token', async ({ onTestFinished }) => {
    const home = temporaryFolder(onTestFinished);
    const open = await runCommand(['serve', '--sandbox', '--port', '0', '--host', '0.0.0.0'], { home });
    expect(open.exitCode, wordsOf(open)).toBe(2);
    expect(open.stderr).toMatch(/token/);
    const made = await runCommand(['token', 'create', 'nightly', '--role', 'queue'], { home });
    const token = made.stdout.trim();
    const server = await startServe(onTestFinished, home);
    expect([await queueJob(server.url), await queueJob(server.url, token)]).toEqual([401, 200]);
  });

  it('a damaged store ends it, with the file and what to do', async ({ onTestFinished }) => {
    const home = temporaryFolder(onTestFinished);
    const first = await startServe(onTestFinished, home);
    expect(await queueJob(first.url)).toBe(200);
    first.kill('SIGTERM');
    await first.ended;
    damage(home, 'runs');
    const ended = await (await startServe(onTestFinished, home)).ended;
    expect(ended.exitCode, wordsOf(ended)).toBe(3);
    expect(ended.stderr).toMatch(/offpeak: The store \S+offpeak\.db is damaged.*restore a copy/);
  });

  it.for([[[]], [['--no-work']]])('%j: a store whose thread has ended ends it', async ([more], { onTestFinished }) => {
    const home = temporaryFolder(onTestFinished);
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(endThreadOnSignal)}` };
    const server = await startServe(onTestFinished, home, more, env);
    expect(await queueJob(server.url)).toBe(200);
    server.kill('SIGUSR2');
    const ended = await server.ended;
    expect(ended.exitCode, wordsOf(ended)).toBe(3);
    expect(ended.stderr).toMatch(/offpeak: The store \S+offpeak\.db failed: its thread has ended\. Start again/);
  });
});
