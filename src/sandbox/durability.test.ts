import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chatRows, openTestClient, type TestClient } from './test-client.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

let stateDir: string;
const children: ChildProcess[] = [];
const clients: TestClient[] = [];

async function startChild(...more: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [MAIN, '--state', stateDir, ...more], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, url: /http:\S+/.exec(line.toString())?.[0] ?? '' };
}

async function open(): Promise<TestClient> {
  const client = await openTestClient({ stateDir });
  clients.push(client);
  return client;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'offpeak-sandbox-'));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) await kill(child);
  rmSync(stateDir, { recursive: true, force: true });
});

async function createAt(url: string, rows: number): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set(
    'file',
    new File(
      [
        `${chatRows(rows)
          .map((row) => JSON.stringify(row))
          .join('\n')}\n`,
      ],
      'in.jsonl',
    ),
  );
  const headers = { authorization: 'Bearer sk-test' };
  const file = (await (await fetch(`${url}/v1/files`, { method: 'POST', headers, body: form })).json()) as {
    id: string;
  };
  const body = JSON.stringify({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  const batch = (await (await fetch(`${url}/v1/batches`, { method: 'POST', headers, body })).json()) as { id: string };
  return batch.id;
}

describe('a sandbox killed with kill -9', () => {
  // At once: during execution. Later: while rows are booked, or when all is done.
  test.each([0, 60, 150, 300, 600])(
    '%i ms after a create: the next one finishes the batch, each row counted once',
    async (delayMs) => {
      const { child, url } = await startChild();
      const id = await createAt(url, 8000);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await kill(child);
      const client = await open();
      const batch = await client.waitForEnd(id);
      expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 8000, completed: 8000, failed: 0 } });
      const ids = (await client.lines(batch.output_file_id)).map((line) => line.custom_id);
      expect(new Set(ids).size).toBe(8000);
      const ledger = client.sandbox.ledger();
      expect(ledger).toMatchObject({ uploads: 1, createCalls: 1, creates: 1, rowsExecuted: 8000, rowsCharged: 8000 });
      expect(ledger).toMatchObject({
        distinctBodies: 8000,
        bodiesExecutedMoreThanOnce: [],
        bodiesChargedMoreThanOnce: 0,
      });
    },
  );

  test('faults stay in force and remember how often they fired', async () => {
    const first = await startChild();
    const plan = { routes: [{ method: 'GET', path: '/v1/batches', times: 2, fault: { type: 'status', status: 500 } }] };
    await fetch(`${first.url}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(plan) });
    const headers = { authorization: 'Bearer sk-test' };
    expect((await fetch(`${first.url}/v1/batches`, { headers })).status).toBe(500);
    await kill(first.child);
    const client = await open();
    expect((await client.call('GET', '/v1/batches')).status).toBe(500);
    expect((await client.call('GET', '/v1/batches')).status).toBe(200);
  });
});

describe('two sandboxes on one folder', () => {
  test('see the same files, batches and clock, and execute each batch once', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    const file = await one.upload(
      chatRows(500)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const created = await Promise.all([one, two, one, two, one, two].map((client) => client.create(file)));
    for (const id of created) {
      expect((await one.waitForEnd(id)).request_counts).toEqual((await two.waitForEnd(id)).request_counts);
    }
    const ledger = one.sandbox.ledger();
    expect(ledger).toMatchObject({ creates: 6, rowsExecuted: 3000, distinctBodies: 500 });
    expect(ledger.bodiesExecutedMoreThanOnce.every(({ times }) => times === 6)).toBe(true);
    one.sandbox.advance(31 * 24 * 3_600_000);
    expect((await two.call('GET', `/v1/files/${file}`)).status).toBe(404);
  });

  test('SIGTERM ends a sandbox process', async () => {
    const { child } = await startChild('--in-progress-ms', '1000', '--seed', '7');
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
  });
});
