import Anthropic from '@anthropic-ai/sdk';
import type { SandboxOptions } from '../sandbox.ts';
import { type Answer, type Json, openTestClient, type TestClient } from '../test-client.ts';

/** Only for the tests beside it: raw calls and the official SDK against a sandbox of their own. */
export interface AnthropicTestClient {
  client: TestClient;
  anthropic: Anthropic;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Posts the rows as a batch; its id. */
  create(rows: readonly Json[]): Promise<string>;
  waitForEnd(id: string): Promise<Json>;
  results(id: string): Promise<Json[]>;
  /** Creates, waits and reads the results, in the order of the rows. */
  run(rows: readonly Json[]): Promise<{ batch: Json; results: Json[] }>;
}

const HEADERS = { 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };
export const BATCHES = '/v1/messages/batches';

export async function openAnthropicClient(options: Partial<SandboxOptions> = {}): Promise<AnthropicTestClient> {
  const client = await openTestClient(options);
  const { url } = client.sandbox;
  const call: AnthropicTestClient['call'] = async (method, path, body, headers = {}) => {
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await fetch(url + path, { method, headers: { ...HEADERS, ...headers }, ...payload });
    const text = await response.text();
    const isJson = response.headers.get('content-type') === 'application/json';
    return { status: response.status, headers: response.headers, text, json: isJson ? (JSON.parse(text) as Json) : {} };
  };
  const opened: AnthropicTestClient = {
    client,
    anthropic: new Anthropic({ apiKey: 'sk-ant-test', baseURL: url, maxRetries: 0 }),
    call,
    async create(rows) {
      const answer = await call('POST', BATCHES, { requests: rows });
      if (answer.status !== 200) throw new Error(answer.text);
      return String(answer.json.id);
    },
    async waitForEnd(id) {
      for (let i = 0; i < 2000; i++) {
        const { json } = await call('GET', `${BATCHES}/${id}`);
        if (json.processing_status === 'ended') return json;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      throw new Error(`Batch ${id} did not end.`);
    },
    async results(id) {
      const { status, text } = await call('GET', `${BATCHES}/${id}/results`);
      if (status !== 200) throw new Error(text);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Json);
    },
    async run(rows) {
      const batch = await opened.waitForEnd(await opened.create(rows));
      const results = await opened.results(String(batch.id));
      const order = rows.map((row) => row.custom_id);
      results.sort((a, b) => order.indexOf(a.custom_id) - order.indexOf(b.custom_id));
      return { batch, results };
    },
  };
  return opened;
}

export function messageRow(customId: string, more: Json = {}, content: unknown = `Text of ${customId}.`): Json {
  return {
    custom_id: customId,
    params: { model: 'claude-haiku-4-5', max_tokens: 200, messages: [{ role: 'user', content }], ...more },
  };
}

export function messageRows(count: number): Json[] {
  return Array.from({ length: count }, (_, i) => messageRow(`row-${i + 1}`));
}

export function resultOf(line: Json | undefined): Json {
  return (line?.result ?? {}) as Json;
}

/** `result.message` of a result line. */
export function messageOf(line: Json | undefined): Json {
  return (resultOf(line).message ?? {}) as Json;
}

/** `result.error.error` of a result line. */
export function errorOf(line: Json | undefined): Json {
  return ((resultOf(line).error ?? {}) as { error?: Json }).error ?? {};
}
