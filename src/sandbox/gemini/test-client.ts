import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox.ts';

export type Json = Record<string, unknown>;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
}

/** Only for the tests beside it: plain HTTP calls against a sandbox in a temporary folder. */
export interface GeminiTestClient {
  sandbox: Sandbox;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The address for the bytes. */
  start(more?: Json, headers?: Record<string, string>): Promise<Answer>;
  send(url: string, content: string, command: string, offset?: number): Promise<Answer>;
  /** The name of the file. */
  upload(content: string, more?: Json): Promise<string>;
  /** The name of a batch made of these lines. */
  createFromLines(lines: unknown[], more?: Json): Promise<string>;
  createInline(requests: unknown[], more?: Json): Promise<string>;
  waitForEnd(name: string): Promise<Json>;
  /** The lines of the file of results. */
  lines(operation: Json): Promise<string[]>;
  close(): Promise<void>;
}

export const KEY = 'gemini-test';
export const MODEL = 'gemini-2.5-flash-lite';
export const CREATE = `/v1beta/models/${MODEL}:batchGenerateContent`;

export async function openGeminiClient(options: Partial<SandboxOptions> = {}): Promise<GeminiTestClient> {
  const stateDir = mkdtempSync(join(tmpdir(), 'offpeak-sandbox-'));
  const sandbox = await startSandbox({ stateDir, ...options });
  const request = async (url: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type') === 'application/json' && text !== '';
    return { status: response.status, headers: response.headers, text, json: isJson ? (JSON.parse(text) as Json) : {} };
  };
  const call: GeminiTestClient['call'] = (method, path, body, headers = { 'x-goog-api-key': KEY }) =>
    request(sandbox.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const start: GeminiTestClient['start'] = (more = {}, headers = {}) =>
    call(
      'POST',
      '/upload/v1beta/files',
      { file: { mimeType: 'application/jsonl', ...more } },
      {
        'x-goog-api-key': KEY,
        'x-goog-upload-protocol': 'resumable',
        'x-goog-upload-command': 'start',
        ...headers,
      },
    );
  const send: GeminiTestClient['send'] = (url, content, command, offset = 0) => {
    const headers = { 'x-goog-upload-command': command, 'x-goog-upload-offset': String(offset) };
    return request(url, { method: 'POST', headers, body: content });
  };
  const create = async (inputConfig: Json, more: Json): Promise<string> => {
    const answer = await call('POST', CREATE, { batch: { displayName: 'test', inputConfig, ...more } });
    if (answer.status !== 200) throw new Error(answer.text);
    return String(answer.json.name);
  };
  const client: GeminiTestClient = {
    sandbox,
    call,
    start,
    send,
    async upload(content, more) {
      const { headers } = await start(more);
      const { json } = await send(headers.get('x-goog-upload-url') ?? '', content, 'upload, finalize');
      return String((json.file as Json).name);
    },
    async createFromLines(lines, more = {}) {
      const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
      return create({ fileName: await client.upload(text) }, more);
    },
    createInline: (requests, more = {}) => create({ requests: { requests } }, more),
    async waitForEnd(name) {
      for (let i = 0; i < 1000; i++) {
        const { json } = await call('GET', `/v1beta/${name}`);
        if (json.done === true) return json;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`${name} did not end.`);
    },
    async lines(operation) {
      const file = String((operation.response as Json).responsesFile);
      const { text } = await call('GET', `/download/v1beta/${file}:download?alt=media`);
      return text.split('\n').filter((line) => line !== '');
    },
    async close() {
      await sandbox.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
  return client;
}

export function content(text: string, more: Json = {}): Json {
  return { contents: [{ role: 'user', parts: [{ text }] }], ...more };
}

export function keyedRow(key: string, more: Json = {}): Json {
  return { key, request: content(`Text of ${key}.`, more) };
}

export function keyedRows(count: number): Json[] {
  return Array.from({ length: count }, (_, i) => keyedRow(`row-${i + 1}`));
}

export function inlineRow(key: string): Json {
  return { request: content(`Text of ${key}.`), metadata: { key } };
}

/** `metadata` of an operation. */
export function metadataOf(operation: Json): Json {
  return operation.metadata as Json;
}

export function parsed(lines: readonly string[]): Json[] {
  return lines.map((line) => JSON.parse(line) as Json);
}

export function inlinedOf(operation: Json): Json[] {
  return ((operation.response as Json).inlinedResponses as { inlinedResponses: Json[] }).inlinedResponses;
}
