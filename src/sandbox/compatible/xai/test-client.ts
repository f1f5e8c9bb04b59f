import { expect, vi } from 'vitest';
import type { SandboxOptions } from '../../sandbox.ts';
import { type Answer, type Json, openTestClient, type TestClient } from '../../test-client.ts';

/** Only for the tests beside it: the calls of xAI's batches. */
export interface XaiTestClient extends Pick<TestClient, 'sandbox' | 'stateDir' | 'close'> {
  /** Behind the prefix. */
  call(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  /** The fields in their order; a `File` is the part `file`. */
  upload(...fields: readonly [string, string | File][]): Promise<{ status: number; json: Json }>;
  /** Uploads the lines and makes a batch of them; answers the create. */
  create(lines: readonly unknown[], name?: string): Promise<Json>;
  poll(id: unknown): Promise<Json>;
  /** Polls until it has ended or was refused. */
  ended(id: unknown): Promise<Json>;
  /** Waits until all rows are answered: from then on only the clock decides what is seen. */
  executed(id: unknown): Promise<void>;
  page(id: unknown, query?: Record<string, string>): Promise<{ rows: Json[]; token: string | null }>;
  /** As text, whatever it is. */
  rawPage(id: unknown): Promise<string>;
}

const PREFIX = '/xai/v1';

export async function openXaiClient(options: Partial<SandboxOptions> = {}): Promise<XaiTestClient> {
  const base = await openTestClient(options);
  const { sandbox } = base;
  const url = sandbox.url + PREFIX;
  const headers = { authorization: 'Bearer sk-test' };
  const client: XaiTestClient = {
    sandbox,
    stateDir: base.stateDir,
    close: () => base.close(),
    call: (method, path, body, key) => base.call(method, PREFIX + path, body, key),
    async upload(...fields) {
      const form = new FormData();
      for (const [name, value] of fields) form.append(name, value);
      const response = await fetch(`${url}/files`, { method: 'POST', headers, body: form });
      return { status: response.status, json: (await response.json()) as Json };
    },
    async create(lines, name = 'a batch') {
      const content = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
      const file = await client.upload(['file', new File([content], 'in.jsonl')]);
      const { status, json } = await client.call('POST', '/batches', { name, input_file_id: file.json.id });
      expect({ status, json }).toMatchObject({ status: 200 });
      return json;
    },
    async poll(id) {
      const { status, json } = await client.call('GET', `/batches/${id}`);
      expect(status).toBe(200);
      return json;
    },
    ended: (id) =>
      vi.waitFor(
        async () => {
          const batch = await client.poll(id);
          const { num_requests, num_pending } = batch.state as Record<string, number>;
          const hasEnded = (num_requests ?? 0) > 0 && num_pending === 0;
          if (!hasEnded && batch.cancel_by_xai_message === null) throw new Error(`${id} has not ended`);
          return batch;
        },
        { timeout: 10_000, interval: 5 },
      ),
    executed: (id) =>
      vi.waitFor(
        () => {
          const found = sandbox.ledger().batches.find((batch) => batch.id === id);
          if (found?.isExecuted !== true) throw new Error(`${id} is not executed`);
        },
        { timeout: 10_000, interval: 5 },
      ),
    async page(id, query = {}) {
      const { status, json } = await client.call('GET', `/batches/${id}/results?${new URLSearchParams(query)}`);
      expect(status).toBe(200);
      expect(Object.keys(json)).toEqual(['results', 'pagination_token']);
      return { rows: json.results as Json[], token: json.pagination_token as string | null };
    },
    async rawPage(id) {
      const response = await fetch(`${url}/batches/${id}/results`, { headers });
      return response.text();
    },
  };
  return client;
}

export function xaiRow(customId: string, more: Json = {}): Json {
  return {
    custom_id: customId,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'grok-4.3', messages: [{ role: 'user', content: `Text of ${customId}.` }], ...more },
  };
}

/** `row-00`, `row-01` and so on. */
export function xaiRows(count: number): Json[] {
  return Array.from({ length: count }, (_, i) => xaiRow(`row-${String(i).padStart(2, '0')}`));
}

export const idsOf = (rows: readonly Json[]): unknown[] => rows.map((row) => row.batch_request_id);

/** The errors of rows that have one, by id. */
export function errorsOf(rows: readonly Json[]): Record<string, unknown> {
  const errors = rows.map((row) => [String(row.batch_request_id), (row.batch_result as Json).error] as const);
  return Object.fromEntries(errors.filter(([, error]) => error !== undefined));
}
