import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RouteAction, RowAction } from '../fault-plan.ts';
import type { Json } from '../test-client.ts';
import {
  type AnthropicTestClient,
  BATCHES,
  errorOf,
  messageOf,
  messageRows,
  openAnthropicClient,
  resultOf,
} from './test-client.ts';

let opened: AnthropicTestClient;
beforeEach(async () => {
  opened = await openAnthropicClient();
});
afterEach(() => opened.client.close());

describe('row faults', () => {
  const PATH = (id: unknown): string => `${BATCHES}/${String(id)}/results`;

  async function withFault(fault: RowAction): Promise<{ batch: Json; lines: string[]; text: string }> {
    opened.client.sandbox.setFaults({ rows: [{ match: { customId: 'row-2' }, fault }] });
    const batch = await opened.waitForEnd(await opened.create(messageRows(4)));
    const { text } = await opened.call('GET', PATH(batch.id));
    return { batch, text, lines: text.split('\n').filter((line) => line !== '') };
  }
  const ids = (lines: readonly string[]): string[] =>
    lines.map((line) => String((JSON.parse(line) as Json).custom_id)).sort();
  const rowTwo = (lines: readonly string[]): Json =>
    lines.map((line) => JSON.parse(line) as Json).find((line) => line.custom_id === 'row-2') ?? {};

  test('error: errored with the type of the status, or the one named', async () => {
    const { batch, lines } = await withFault({ type: 'error', status: 529, message: 'Busy.' });
    expect(batch.request_counts).toMatchObject({ succeeded: 3, errored: 1 });
    expect(resultOf(rowTwo(lines))).toEqual({
      type: 'errored',
      error: { type: 'error', error: { type: 'overloaded_error', message: 'Busy.' }, request_id: null },
    });
    const named = await withFault({ type: 'error', status: 500, code: 'timeout_error' });
    expect(errorOf(rowTwo(named.lines)).type).toBe('timeout_error');
    const zero = await withFault({ type: 'status-zero' });
    expect(errorOf(rowTwo(zero.lines)).type).toBe('api_error');
    expect(opened.client.sandbox.ledger()).toMatchObject({ rowsExecuted: 12, rowsCharged: 9 });
  });

  test('missing, duplicate, unknown-id, not-json', async () => {
    const missing = await withFault({ type: 'missing' });
    expect(ids(missing.lines)).toEqual(['row-1', 'row-3', 'row-4']);
    expect(missing.batch.request_counts).toMatchObject({ succeeded: 4 });
    expect(ids((await withFault({ type: 'duplicate' })).lines)).toEqual(['row-1', 'row-2', 'row-2', 'row-3', 'row-4']);
    expect(ids((await withFault({ type: 'unknown-id' })).lines)).toHaveLength(5);
    const broken = (await withFault({ type: 'not-json' })).lines;
    expect(broken.filter((line) => line.startsWith('<html>'))).toHaveLength(1);
  });

  test('truncated-last-line, huge', async () => {
    const { text, lines } = await withFault({ type: 'truncated-last-line' });
    expect(text.endsWith('\n')).toBe(false);
    expect(() => JSON.parse(lines.at(-1) ?? '') as unknown).toThrow();
    const huge = await withFault({ type: 'huge', bytes: 1_000_000 });
    expect(messageOf(rowTwo(huge.lines)).content).toEqual([{ type: 'text', text: 'x'.repeat(1_000_000) }]);
    expect(ids(huge.lines)).toHaveLength(4);
  });

  test('empty-content, refusal, text, invalid-json-answer', async () => {
    const messageWith = async (fault: RowAction): Promise<Json> => messageOf(rowTwo((await withFault(fault)).lines));
    expect(await messageWith({ type: 'empty-content' })).toMatchObject({ content: [], stop_reason: 'end_turn' });
    expect(await messageWith({ type: 'refusal' })).toMatchObject({
      content: [],
      stop_reason: 'refusal',
      stop_details: { type: 'refusal', category: null, explanation: expect.any(String) },
    });
    expect(await messageWith({ type: 'text', text: 'Hä?' })).toMatchObject({ content: [{ text: 'Hä?' }] });
    const { content } = await messageWith({ type: 'invalid-json-answer' });
    const [{ text }] = content as [{ text: string }];
    expect(() => JSON.parse(text) as unknown).toThrow();
  });

  test('realtime calls too', async () => {
    opened.client.sandbox.setFaults({ rows: [{ match: { attempt: 1 }, fault: { type: 'error', status: 529 } }] });
    const [row] = messageRows(1);
    const first = await opened.call('POST', '/v1/messages', row?.params);
    expect([first.status, (first.json.error as Json).type]).toEqual([529, 'overloaded_error']);
    const second = await opened.call('POST', '/v1/messages', row?.params);
    expect(second.json).toMatchObject({ type: 'message', content: [{ text: 'Text of row-1.' }] });
    expect(second.headers.get('anthropic-ratelimit-requests-remaining')).not.toBeNull();
    expect(opened.client.sandbox.ledger()).toMatchObject({ realtimeCalls: 2, rowsExecuted: 2, rowsCharged: 1 });
  });
});

describe('route faults', () => {
  function onRoute(method: string, path: string, fault: RouteAction, times: number | null = 1): void {
    opened.client.sandbox.setFaults({ routes: [{ method, path, fault, times }] });
  }
  const post = () => opened.call('POST', BATCHES, { requests: messageRows(10) });

  test('lost-reply and status-after: the batch exists; reset: it does not', async () => {
    onRoute('POST', BATCHES, { type: 'lost-reply' });
    await expect(post()).rejects.toThrow();
    onRoute('POST', BATCHES, { type: 'status-after', status: 504 });
    expect((await post()).json.error).toMatchObject({ type: 'timeout_error' });
    onRoute('POST', BATCHES, { type: 'reset' });
    await expect(post()).rejects.toThrow();
    expect(opened.client.sandbox.ledger().providers.anthropic).toMatchObject({ createCalls: 3, creates: 2 });
  });

  test('a stalled create is carried out though its sender went away', async () => {
    onRoute('POST', BATCHES, { type: 'stall', ms: 100 });
    const body = JSON.stringify({ requests: messageRows(10) });
    const headers = { 'x-api-key': 'sk-ant-test', 'anthropic-version': '2023-06-01' };
    const signal = AbortSignal.timeout(50);
    await expect(
      fetch(opened.client.sandbox.url + BATCHES, { method: 'POST', headers, body, signal }),
    ).rejects.toThrow();
    await expect.poll(() => opened.client.sandbox.ledger().creates).toBe(1);
  });

  test('expire-at, fail-batch, token-limit', async () => {
    onRoute('POST', BATCHES, { type: 'expire-at', fraction: 0.3 });
    const expired = await opened.waitForEnd(String((await post()).json.id));
    expect(expired.request_counts).toMatchObject({ succeeded: 3, expired: 7 });
    onRoute('POST', BATCHES, { type: 'fail-batch', code: 'overloaded_error', message: 'Busy.' });
    const failed = await opened.run(messageRows(2)).then(({ results }) => results.map(errorOf));
    expect(failed).toEqual(Array(2).fill({ type: 'overloaded_error', message: 'Busy.' }));
    onRoute('POST', BATCHES, { type: 'token-limit' });
    expect((await post()).status).toBe(429);
    expect(opened.client.sandbox.ledger()).toMatchObject({ creates: 2, rowsCharged: 3 });
  });

  test('a spend limit: the plan gives the body, no retry-after', async () => {
    const error = { type: 'rate_limit_error', message: 'Spend limit.', details: { error_code: 'spend' } };
    onRoute('POST', BATCHES, { type: 'status', status: 429, body: { type: 'error', error, request_id: null } });
    const answer = await post();
    expect([answer.status, answer.headers.get('retry-after'), answer.json.error]).toEqual([429, null, error]);
  });

  test('hide: the list lags behind, forwards and backwards', async () => {
    const first = String((await post()).json.id);
    opened.client.sandbox.advance(100_000);
    onRoute('GET', BATCHES, { type: 'hide', ms: 90_000 }, null);
    await post();
    const listed = async (query = ''): Promise<unknown> =>
      ((await opened.call('GET', BATCHES + query)).json.data as Json[]).map((batch) => batch.id);
    expect(await listed()).toEqual([first]);
    expect(await listed(`?before_id=${first}`)).toEqual([]);
    opened.client.sandbox.advance(91_000);
    expect(await listed()).toHaveLength(2);
  });

  test('cut-reply: the download breaks', async () => {
    const { batch } = await opened.run(messageRows(50));
    onRoute('GET', `${BATCHES}/*/results`, { type: 'cut-reply', bytes: 1000 });
    await expect(opened.results(String(batch.id))).rejects.toThrow();
    expect(await opened.results(String(batch.id))).toHaveLength(50);
  });
});
