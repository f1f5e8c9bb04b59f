import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';

/** Only for the tests beside it: real HTTP calls against a sandbox in a temporary folder. */
export interface TestClient {
  sandbox: Sandbox;
  stateDir: string;
  call(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  upload(content: string, filename?: string, key?: string): Promise<string>;
  create(fileId: string, more?: Record<string, unknown>): Promise<string>;
  /** Uploads the rows, makes a batch of them, waits for its end. */
  run(rows: unknown[], more?: Record<string, unknown>): Promise<Finished>;
  waitForEnd(id: string): Promise<Json>;
  lines(fileId: unknown): Promise<Json[]>;
  close(): Promise<void>;
}

export type Json = Record<string, unknown>;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
}

export interface Finished {
  batch: Json;
  output: Json[];
  error: Json[];
}

const ENDED = new Set(['completed', 'failed', 'expired', 'cancelled']);

export async function openTestClient(options: Partial<SandboxOptions> = {}): Promise<TestClient> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'offpeak-sandbox-'));
  const sandbox = await startSandbox({ ...options, stateDir });
  return clientFor(sandbox, stateDir, options.stateDir === undefined);
}

function clientFor(sandbox: Sandbox, stateDir: string, ownsFolder: boolean): TestClient {
  const call: TestClient['call'] = async (method, path, body, key = 'sk-test') => {
    const response = await fetch(sandbox.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type') === 'application/json';
    return { status: response.status, headers: response.headers, text, json: isJson ? (JSON.parse(text) as Json) : {} };
  };
  const client: TestClient = {
    sandbox,
    stateDir,
    call,
    async upload(content, filename = 'input.jsonl', key = 'sk-test') {
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', new File([content], filename));
      const response = await fetch(`${sandbox.url}/v1/files`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: form,
      });
      const file = (await response.json()) as Json;
      if (response.status !== 200) throw new Error(JSON.stringify(file));
      return String(file.id);
    },
    async create(fileId, more = {}) {
      const body = { input_file_id: fileId, endpoint: '/v1/chat/completions', completion_window: '24h', ...more };
      const answer = await call('POST', '/v1/batches', body);
      if (answer.status !== 200) throw new Error(answer.text);
      return String(answer.json.id);
    },
    async run(rows, more) {
      const content = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');
      const batch = await client.waitForEnd(await client.create(await client.upload(content), more));
      return {
        batch,
        output: await client.lines(batch.output_file_id),
        error: await client.lines(batch.error_file_id),
      };
    },
    async waitForEnd(id) {
      for (let i = 0; i < 1000; i++) {
        const { json } = await call('GET', `/v1/batches/${id}`);
        if (ENDED.has(String(json.status))) return json;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`Batch ${id} did not end.`);
    },
    async lines(fileId) {
      if (fileId === null) return [];
      const { text } = await call('GET', `/v1/files/${String(fileId)}/content`);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Json);
    },
    async close() {
      await sandbox.close();
      if (ownsFolder) rmSync(stateDir, { recursive: true, force: true });
    },
  };
  return client;
}

export function chatRow(customId: string, content: unknown = `Text of ${customId}.`, more: Json = {}): Json {
  return {
    custom_id: customId,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'gpt-5-mini', messages: [{ role: 'user', content }], ...more },
  };
}

export function chatRows(count: number): Json[] {
  return Array.from({ length: count }, (_, i) => chatRow(`row-${i + 1}`));
}

/** `response.body` of a result line. */
export function bodyOf(line: Json | undefined): Json {
  return ((line?.response as Json | null)?.body ?? {}) as Json;
}

/** The text of the first choice of a chat answer. */
export function textOf(body: Json): unknown {
  const [choice] = body.choices as [{ message: Json }];
  return choice.message.content;
}
