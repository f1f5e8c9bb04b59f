import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Json, openTestClient, type TestClient } from '../test-client.ts';

let client: TestClient;
beforeEach(async () => {
  client = await openTestClient();
});
afterEach(() => client.close());

const body = { model: 'some-model', messages: [{ role: 'user', content: 'hi' }] };
const bare = { custom_id: 'a', body };
const full = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body };

async function send(prefix: string, lines: readonly unknown[], purpose: string, headers: Record<string, string>) {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new File([lines.map((line) => JSON.stringify(line)).join('\n')], 'input.jsonl'));
  const response = await fetch(`${client.sandbox.url}${prefix}/files`, { method: 'POST', headers, body: form });
  return { status: response.status, id: String(((await response.json()) as Json).id) };
}
const bearer = { authorization: 'Bearer sk-test' };

async function ended(path: string): Promise<Json> {
  for (let i = 0; i < 500; i++) {
    const { json } = await client.call('GET', path);
    if (!/validating|in_progress|finalizing|queued|running/i.test(String(json.status))) return json;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${path} does not end`);
}

test('Together: its own purpose, bare lines, a wrapped create, capitals, one array', async () => {
  expect((await send('/together/v1', [bare], 'batch', bearer)).status).toBe(400);
  const { id: input_file_id } = await send('/together/v1', [bare], 'batch-api', bearer);
  const create = { input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const { json } = await client.call('POST', '/together/v1/batches', create);
  const job = json.job as Json;
  expect(job).toMatchObject({ status: 'VALIDATING', created_at: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(await ended(`/together/v1/batches/${job.id}`)).toMatchObject({ status: 'COMPLETED' });
  const list = await client.call('GET', '/together/v1/batches');
  expect(JSON.parse(list.text)).toMatchObject([{ id: job.id }]);
});

test('Mistral: a job with input files and a model; a line that names its url fails the job', async () => {
  const run = async (line: unknown, more: Json = {}) => {
    const { id } = await send('/mistral/v1', [line], 'batch', bearer);
    const create = { input_files: [id], endpoint: '/v1/chat/completions', model: 'some-model', ...more };
    return client.call('POST', '/mistral/v1/batch/jobs', create);
  };
  const { json } = await run({ custom_id: 'a', body: { messages: body.messages } });
  expect(json).toMatchObject({ status: 'QUEUED', total_requests: 0 });
  expect(await ended(`/mistral/v1/batch/jobs/${json.id}`)).toMatchObject({
    status: 'SUCCESS',
    total_requests: 1,
    succeeded_requests: 1,
  });
  const wrong = await run(full);
  expect(await ended(`/mistral/v1/batch/jobs/${wrong.json.id}`)).toMatchObject({
    status: 'FAILED',
    errors: [{ count: 1 }],
  });
  expect((await run(bare, { timeout_hours: 1000 })).status).toBe(400);
  const page = await client.call('GET', '/mistral/v1/batch/jobs?page=1&page_size=1');
  expect(page.json).toMatchObject({ total: 2, data: [{ id: json.id }] });
});

test('Azure: only its own header; what a server has another does not', async () => {
  expect((await send('/azure/openai/v1', [full], 'batch', bearer)).status).toBe(401);
  const { status, id } = await send('/azure/openai/v1', [full], 'batch', { 'api-key': 'sk-test' });
  expect(status).toBe(200);
  expect((await client.call('GET', `/v1/files/${id}`)).status).toBe(404);
  expect((await client.call('GET', `/groq/openai/v1/files/${id}`)).status).toBe(404);
});

test('Groq and Doubleword: windows', async () => {
  const statusOf = async (prefix: string, completion_window: string) => {
    const { id: input_file_id } = await send(prefix, [full], 'batch', bearer);
    const create = { input_file_id, endpoint: '/v1/chat/completions', completion_window };
    return (await client.call('POST', `${prefix}/batches`, create)).status;
  };
  expect(await statusOf('/groq/openai/v1', '7d')).toBe(200);
  expect(await statusOf('/groq/openai/v1', '1h')).toBe(400);
  expect(await statusOf('/doubleword/v1', '1h')).toBe(200);
  expect(await statusOf('/together/v1', '7d')).toBe(400);
});

test('the ledger tells the servers apart', async () => {
  for (const prefix of ['/xai/v1', '/groq/openai/v1', '/xai/v1']) {
    expect((await client.call('POST', `${prefix}/chat/completions`, body)).status).toBe(200);
  }
  expect(client.sandbox.ledger().providers).toMatchObject({ xai: { realtimeCalls: 2 }, groq: { realtimeCalls: 1 } });
});
