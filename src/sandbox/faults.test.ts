import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RouteAction, RouteFault, RowAction, RowMatch } from './fault-plan.ts';
import { bodyOf, chatRow, chatRows, type Json, openTestClient, type TestClient, textOf } from './test-client.ts';

let client: TestClient;
beforeEach(async () => {
  client = await openTestClient();
});
afterEach(() => client.close());

function onRoute(method: string, path: string, fault: RouteAction, more: Partial<RouteFault> = {}): void {
  client.sandbox.setFaults({ routes: [{ method, path, fault, ...more }] });
}

const BODY = { input_file_id: 'file-x', endpoint: '/v1/chat/completions', completion_window: '24h' };

describe('route faults', () => {
  test('status: refused before anything happens, as JSON or HTML, with headers', async () => {
    onRoute('POST', '/v1/batches', { type: 'status', status: 529, headers: { 'retry-after': '1' } });
    const answer = await client.call('POST', '/v1/batches', BODY);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([529, '1']);
    onRoute('POST', '/v1/files', { type: 'status', status: 413, html: true });
    await expect(client.upload(JSON.stringify(chatRow('a')))).rejects.toThrow(/not valid JSON/);
    expect(client.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 0, uploads: 0 });
  });

  test('reset: nothing done; lost-reply and status-after: all done', async () => {
    onRoute('POST', '/v1/batches', { type: 'reset' });
    await expect(client.call('POST', '/v1/batches', BODY)).rejects.toThrow();
    expect(client.sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 0 });
    onRoute('POST', '/v1/batches', { type: 'lost-reply' });
    await expect(client.call('POST', '/v1/batches', BODY)).rejects.toThrow();
    expect(client.sandbox.ledger()).toMatchObject({ createCalls: 2, creates: 1 });
    onRoute('POST', '/v1/batches', { type: 'status-after', status: 503 });
    expect((await client.call('POST', '/v1/batches', BODY)).status).toBe(503);
    expect(client.sandbox.ledger()).toMatchObject({ createCalls: 3, creates: 2 });
  });

  test('cut-reply breaks the download, cut-reply-clean hides that it is cut', async () => {
    const { batch } = await client.run(chatRows(50));
    const path = `/v1/files/${String(batch.output_file_id)}/content`;
    const whole = (await client.call('GET', path)).text;
    onRoute('GET', '/v1/files/*/content', { type: 'cut-reply', bytes: 1000 });
    const broken = await fetch(client.sandbox.url + path, { headers: { authorization: 'Bearer sk-test' } });
    let received = 0;
    await expect(
      (async () => {
        for await (const chunk of broken.body ?? []) received += chunk.length;
      })(),
    ).rejects.toThrow();
    expect(received).toBe(1000);
    onRoute('GET', '/v1/files/*/content', { type: 'cut-reply-clean', bytes: 1000 });
    const short = await client.call('GET', path);
    expect(short.status).toBe(200);
    expect(short.headers.get('content-length')).toBeNull();
    expect(short.text).toBe(whole.slice(0, 1000));
    expect((await client.call('GET', path)).text).toBe(whole);
  });

  test('stall: late, or never', async () => {
    onRoute('GET', '/v1/batches', { type: 'stall', ms: 60 });
    const started = performance.now();
    expect((await client.call('GET', '/v1/batches')).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(50);
    // biome-ignore lint/suspicious/noThenProperty: the plan is data, nobody awaits it
    onRoute('GET', '/v1/batches', { type: 'stall', ms: 20, then: 'reset' });
    await expect(client.call('GET', '/v1/batches')).rejects.toThrow();
  });

  test('faults that decide the fate of the created batch', async () => {
    const file = await client.upload(
      chatRows(10)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    onRoute('POST', '/v1/batches', { type: 'file-not-found' });
    await expect(client.create(file)).rejects.toThrow(/Cannot find file file-/);
    onRoute('POST', '/v1/batches', { type: 'token-limit' });
    const full = await client.waitForEnd(await client.create(file));
    expect(full).toMatchObject({ status: 'failed', errors: { data: [{ code: 'token_limit_exceeded', line: null }] } });
    onRoute('POST', '/v1/batches', { type: 'fail-batch', code: 'invalid_json_line', message: 'Bad.', line: 7 });
    const failed = await client.waitForEnd(await client.create(file));
    expect(failed.errors).toMatchObject({ data: [{ code: 'invalid_json_line', message: 'Bad.', line: 7 }] });
    onRoute('POST', '/v1/batches', { type: 'expire-at', fraction: 0.3 });
    const expired = await client.waitForEnd(await client.create(file));
    expect(expired).toMatchObject({ status: 'expired', request_counts: { total: 10, completed: 3, failed: 0 } });
    expect(await client.lines(expired.error_file_id)).toHaveLength(7);
    expect(client.sandbox.ledger()).toMatchObject({ rowsExecuted: 3, rowsCharged: 3 });
  });

  test('hide: the list lags behind', async () => {
    onRoute('GET', '/v1/batches', { type: 'hide', ms: 90_000 }, { times: null });
    const id = await client.create('file-x');
    expect((await client.call('GET', '/v1/batches')).json.data).toEqual([]);
    client.sandbox.advance(91_000);
    expect((await client.call('GET', '/v1/batches')).json.data).toMatchObject([{ id }]);
  });

  test('skip, times, probability and turns', async () => {
    const statuses = async (calls: number): Promise<number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < calls; i++) seen.push((await client.call('GET', '/v1/batches')).status);
      return seen;
    };
    onRoute('GET', '/v1/batches', { type: 'status', status: 500 }, { skip: 1, times: 2 });
    expect(await statuses(5)).toEqual([200, 500, 500, 200, 200]);
    const fault = (status: number): RouteFault => ({
      method: 'GET',
      path: '/v1/batches',
      fault: { type: 'status', status },
    });
    client.sandbox.setFaults({ routes: [fault(429), fault(503)] });
    expect(await statuses(3)).toEqual([429, 503, 200]);
    expect((await client.call('GET', '/_sandbox/faults')).json.routes).toMatchObject([
      { matched: 3, fired: 1 },
      { matched: 3, fired: 1 },
    ]);
    onRoute('GET', '/v1/batches', { type: 'status', status: 500 }, { probability: 0.5 });
    const drawn = await statuses(40);
    const hits = drawn.filter((status) => status === 500).length;
    expect(hits).toBeGreaterThan(8);
    expect(hits).toBeLessThan(32);
  });

  test('a misspelt plan is refused over HTTP', async () => {
    const plan = { routes: [{ method: 'GET', path: '/v1/batches', fault: { type: 'explode' } }] };
    const { status, json } = await client.call('POST', '/_sandbox/faults', plan);
    expect(status).toBe(400);
    expect(JSON.stringify(json)).toContain('explode');
  });
});

describe('row faults', () => {
  const withFault = async (fault: RowAction, match: RowMatch = { customId: 'row-2' }): Promise<Json> => {
    client.sandbox.setFaults({ rows: [{ match, fault }] });
    const content = chatRows(4).map((row) => JSON.stringify(row));
    const batch = await client.waitForEnd(await client.create(await client.upload(content.join('\n'))));
    const text =
      batch.output_file_id === null
        ? ''
        : (await client.call('GET', `/v1/files/${String(batch.output_file_id)}/content`)).text;
    const errors = await client.lines(batch.error_file_id);
    return { batch, text, lines: text.split('\n').filter((line) => line !== ''), errors };
  };
  const ids = (lines: unknown): string[] =>
    (lines as string[]).map((line) => String((JSON.parse(line) as Json).custom_id)).sort();

  test('error, in either file', async () => {
    const apart = await withFault({ type: 'error', status: 500, message: 'Boom.' });
    expect(apart.errors).toMatchObject([{ custom_id: 'row-2', error: null, response: { status_code: 500 } }]);
    expect(apart.batch).toMatchObject({ request_counts: { total: 4, completed: 3, failed: 1 } });
    const inside = await withFault({ type: 'error', status: 429, inOutput: true });
    expect(inside.errors).toEqual([]);
    expect(inside.lines).toHaveLength(4);
    const zero = await withFault({ type: 'status-zero' });
    expect(zero.errors).toMatchObject([{ response: { status_code: 0 } }]);
  });

  test('missing, duplicate, unknown-id, not-json', async () => {
    const missing = await withFault({ type: 'missing' });
    expect(ids(missing.lines)).toEqual(['row-1', 'row-3', 'row-4']);
    expect(missing.batch).toMatchObject({ request_counts: { total: 4, completed: 4, failed: 0 } });
    expect(ids((await withFault({ type: 'duplicate' })).lines)).toEqual(['row-1', 'row-2', 'row-2', 'row-3', 'row-4']);
    expect(ids((await withFault({ type: 'unknown-id' })).lines)).toHaveLength(5);
    const broken = (await withFault({ type: 'not-json' })).lines as string[];
    expect(broken.filter((line) => line.startsWith('<html>'))).toHaveLength(1);
  });

  test('truncated-last-line, huge', async () => {
    const { text, lines } = await withFault({ type: 'truncated-last-line' });
    expect(String(text).endsWith('\n')).toBe(false);
    expect(lines as string[]).toHaveLength(4);
    expect(() => JSON.parse((lines as string[]).at(-1) ?? '') as unknown).toThrow();
    const huge = await withFault({ type: 'huge', bytes: 1_000_000 });
    const long = (huge.lines as string[]).find((line) => line.length > 1_000_000) ?? '';
    expect(textOf(bodyOf(JSON.parse(long) as Json))).toBe('x'.repeat(1_000_000));
    expect(ids(huge.lines)).toHaveLength(4);
  });

  test('empty-content, refusal, text, invalid-json-answer', async () => {
    const messageOf = async (fault: RowAction): Promise<Json> => {
      const { lines } = await withFault(fault);
      const line = (lines as string[]).map((text) => JSON.parse(text) as Json).find((row) => row.custom_id === 'row-2');
      const [choice] = bodyOf(line).choices as [{ message: Json }];
      return choice.message;
    };
    expect(await messageOf({ type: 'empty-content' })).toMatchObject({ content: '', refusal: null });
    expect(await messageOf({ type: 'refusal' })).toMatchObject({ content: null, refusal: expect.any(String) });
    expect(await messageOf({ type: 'text', text: 'Hä?' })).toMatchObject({ content: 'Hä?' });
    const { content } = await messageOf({ type: 'invalid-json-answer' });
    expect(() => JSON.parse(String(content)) as unknown).toThrow();
  });

  test('matching by text, by every nth, and by attempt', async () => {
    const failing = async (match: RowMatch): Promise<string[]> => {
      const { errors } = await withFault({ type: 'error', status: 500 }, match);
      return (errors as Json[]).map((line) => String(line.custom_id)).sort();
    };
    expect(await failing({ contains: 'Text of row-3' })).toEqual(['row-3']);
    expect(await failing({ everyNth: 2 })).toEqual(['row-2', 'row-4']);
    await client.call('POST', '/_sandbox/reset');
    // The same bodies again: only their first execution fails.
    expect(await failing({ contains: 'row-1', attempt: 1 })).toEqual(['row-1']);
    expect(await failing({ contains: 'row-1', attempt: 1 })).toEqual([]);
    expect(client.sandbox.ledger().bodiesExecutedMoreThanOnce).toHaveLength(4);
    expect(client.sandbox.ledger().bodiesChargedMoreThanOnce).toBe(3);
  });

  test('realtime calls too', async () => {
    client.sandbox.setFaults({ rows: [{ match: { attempt: 1 }, fault: { type: 'error', status: 503 } }] });
    const body = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hi there.' }] };
    expect((await client.call('POST', '/v1/chat/completions', body)).status).toBe(503);
    expect((await client.call('POST', '/v1/chat/completions', body)).status).toBe(200);
    expect(client.sandbox.ledger()).toMatchObject({ realtimeCalls: 2, rowsExecuted: 2, rowsCharged: 1 });
  });
});
