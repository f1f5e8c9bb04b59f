import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Json, openTestClient, type TestClient } from './test-client.ts';

const ANTHROPIC = { 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01' };
const OPENAI = { authorization: 'Bearer sk-test' };

let client: TestClient;
afterEach(() => client.close());

async function call(method: string, path: string, headers: Record<string, string>): Promise<[number, Json]> {
  const body = method === 'POST' ? { body: '{}' } : {};
  const response = await fetch(client.sandbox.url + path, { method, headers, ...body });
  return [response.status, (await response.json()) as Json];
}

describe('one address for all providers', () => {
  test('what two of them have is told apart by the headers', async () => {
    client = await openTestClient();
    expect((await call('GET', '/v1/models', OPENAI))[1]).toMatchObject({ object: 'list' });
    expect((await call('GET', '/v1/models', ANTHROPIC))[1]).toMatchObject({ has_more: false });
    expect((await call('GET', '/v1/files', OPENAI))[0]).toBe(200);
    expect(await call('GET', '/v1/files', ANTHROPIC)).toEqual([404, expect.objectContaining({ type: 'error' })]);
  });

  test('a fault without a body has the shape of the provider it strikes', async () => {
    client = await openTestClient();
    const at = async (path: string, headers: Record<string, string>): Promise<Json> => {
      client.sandbox.setFaults({ routes: [{ method: 'POST', path, fault: { type: 'status', status: 429 } }] });
      const [status, json] = await call('POST', path, headers);
      expect(status).toBe(429);
      return json;
    };
    const message = expect.any(String);
    expect(await at('/v1/batches', OPENAI)).toEqual({
      error: { message, type: 'requests', param: null, code: 'rate_limit_exceeded' },
    });
    expect(await at('/v1/messages', ANTHROPIC)).toEqual({
      type: 'error',
      error: { type: 'rate_limit_error', message },
      request_id: expect.stringMatching(/^req_/),
    });
    expect(await at('/api/chat', {})).toEqual({ error: message });
  });

  test('the ledger keeps them apart and adds them up', async () => {
    client = await openTestClient();
    await call('POST', '/v1/batches', OPENAI);
    await call('POST', '/v1/messages/batches', ANTHROPIC);
    await call('POST', '/v1/messages/batches', ANTHROPIC);
    const { createCalls, providers } = client.sandbox.ledger();
    expect({ createCalls, providers }).toEqual({
      createCalls: 3,
      providers: { openai: { createCalls: 1 }, anthropic: { createCalls: 2 } },
    });
  });

  test('a path that is no URL is refused like any other', async () => {
    client = await openTestClient();
    expect((await call('GET', '//', OPENAI))[0]).toBe(404);
    expect((await call('GET', '/v1/models', OPENAI))[0]).toBe(200);
  });
});

describe('a state folder', () => {
  test('of an older make is emptied', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'offpeak-sandbox-'));
    onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
    const old = new DatabaseSync(join(stateDir, 'sandbox.sqlite'));
    old.exec("CREATE TABLE batches (id TEXT, record TEXT); INSERT INTO batches VALUES ('batch_old', '{}')");
    old.close();
    client = await openTestClient({ stateDir });
    expect((await call('GET', '/v1/batches', OPENAI))[1].data).toEqual([]);
  });
});
