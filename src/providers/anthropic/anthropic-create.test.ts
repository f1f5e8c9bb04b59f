import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { OffpeakError } from '../../errors.ts';
import type { CreateInput } from '../../provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { batchRowBytes } from './anthropic-create.ts';
import { createAnthropicProvider } from './anthropic-provider.ts';

const apiKey = 'sk-ant-canary-0123456789abcdef';
const created = { id: 'msgbatch_1', type: 'message_batch', processing_status: 'in_progress' };
const three = [1, 2, 3].map((n) => ({
  customId: `op-abcdefghij-${n}-1`,
  body: JSON.stringify({
    model: 'm',
    max_tokens: 9,
    messages: [{ role: 'user', content: `ü\u2028"${n} \ud83d\ude00` }],
  }),
}));

type Row = (typeof three)[number];
const bytesOf = (rows: readonly Row[]) =>
  rows.reduce((sum, row) => sum + batchRowBytes(Buffer.byteLength(row.body), row.customId), 0);

function inputOf(fields: Partial<CreateInput> = {}, rows: readonly Row[] = three): CreateInput {
  async function* requests() {
    yield* rows;
  }
  return { endpoint: '/v1/messages', nonce: 'abcdefghij', bytes: bytesOf(rows), requests, ...fields };
}

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

async function createAgainst(
  answer: (response: ServerResponse, incoming: IncomingMessage) => void,
  input: CreateInput = inputOf(),
  options: { fetch?: typeof globalThis.fetch; readBody?: boolean; idleMs?: number } = {},
) {
  const { readBody = true, idleMs = 300, ...rest } = options;
  server = await startScriptedServer((_, response, incoming) => answer(response, incoming), readBody);
  const timeouts = { createReplyMs: 300, idleMs };
  const provider = createAnthropicProvider({ apiKey, baseUrl: server.url, timeouts, ...rest });
  return provider.batch?.create(input).catch((error: unknown) => error);
}

const posts = () => server?.seen.filter((request) => request.method === 'POST').length;
const transports: [string, { fetch?: typeof globalThis.fetch }][] = [
  ['node:http', {}],
  ['fetch', { fetch: globalThis.fetch }],
];

describe('one POST, whatever happens', () => {
  const html = `<html><body>${apiKey}</body></html>`;
  const error = (type: string) => ({ type: 'error', error: { type, message: `${type} ${apiKey}` } });
  const cases: [string, (response: ServerResponse) => void][] = [
    ['reset', (response) => response.socket?.resetAndDestroy()],
    ['hang-up', (response) => response.destroy()],
    ['408', (response) => answerJson(response, 408, error('timeout_error'))],
    ['409', (response) => answerJson(response, 409, error('conflict_error'))],
    ['500', (response) => answerJson(response, 500, error('api_error'))],
    ['502 with HTML', (response) => response.writeHead(502, { 'content-type': 'text/html' }).end(html)],
    ['503 that asks for a retry', (response) => answerJson(response, 503, {}, { 'x-should-retry': 'true' })],
    ['504', (response) => answerJson(response, 504, error('timeout_error'))],
    ['529', (response) => answerJson(response, 529, error('overloaded_error'), { 'retry-after': '0' })],
    ['stall before the head', () => {}],
    [
      'stall inside the body',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":'),
    ],
    ['reply cut mid-JSON', (response) => answerJson(response, 200, '{"id":"msgbatch_1","ty')],
    [
      'reply shorter than announced',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '900' });
        response.write('{"id":"msgbatch_1"', () => response.destroy());
      },
    ],
    ['200 with HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html)],
    ['200 without id', (response) => answerJson(response, 200, { type: 'message_batch' })],
    ['204', (response) => response.writeHead(204).end()],
    ['no HTTP at all', (response) => void response.socket?.end('garbage\r\n\r\n')],
    ['redirect', (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/steal' }).end()],
  ];
  for (const [title, answer] of cases) {
    test.each(transports)(`${title} over %s: outcome_unknown`, async (_, options) => {
      const thrown = await createAgainst(answer, inputOf(), options);
      expect(thrown).toBeInstanceOf(OffpeakError);
      expect(thrown).toMatchObject({ code: 'outcome_unknown' });
      expect(String(thrown)).not.toContain(apiKey);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(posts()).toBe(1);
    });
  }

  test('our own abort after the request was sent', async () => {
    const controller = new AbortController();
    const thrown = await createAgainst(() => controller.abort(), inputOf({ signal: controller.signal }));
    expect(thrown).toMatchObject({ code: 'outcome_unknown' });
    expect(posts()).toBe(1);
  });

  test('an abort before anything was sent', async () => {
    expect(await createAgainst(() => {}, inputOf({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' });
    expect(posts()).toBe(0);
  });

  test.each(transports)('nobody listens, over %s: unavailable', async (_, options) => {
    const gone = await startScriptedServer(() => {});
    await gone.close();
    for (const baseUrl of [gone.url, 'http://nowhere.invalid']) {
      const { batch } = createAnthropicProvider({ apiKey, baseUrl, ...options });
      await expect(batch?.create(inputOf())).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    }
  });
});

describe('a body that was not sent to its end', () => {
  const large = Array.from({ length: 400 }, (_, n) => ({ customId: `id-${n}`, body: `{"x":"${'x'.repeat(50_000)}"}` }));

  test.each<[string, (response: ServerResponse, incoming: IncomingMessage) => void]>([
    ['reset', (_, incoming) => incoming.socket.resetAndDestroy()],
    ['a server that does not read', () => {}],
  ])('%s: surely nothing was created', async (_, answer) => {
    const thrown = await createAgainst(answer, inputOf({}, large), { readBody: false });
    expect(thrown).toMatchObject({ code: 'unavailable', retryable: true });
    expect(server?.seen).toHaveLength(1);
  });

  test('our own abort: aborted', async () => {
    const controller = new AbortController();
    const input = inputOf({ signal: controller.signal }, large);
    expect(await createAgainst(() => controller.abort(), input, { readBody: false })).toMatchObject({
      code: 'aborted',
    });
  });

  test('413 of an edge that does not read it', async () => {
    const thrown = await createAgainst(
      (response) => response.writeHead(413, { connection: 'close' }).end('<html>too large</html>'),
      inputOf({}, large),
      { readBody: false },
    );
    expect(thrown).toMatchObject({ code: 'rejected', retryable: false });
  });

  test('a store that fails while it is read keeps its own error', async () => {
    let whole = false;
    const input = inputOf({
      async *requests() {
        yield* three;
        throw new OffpeakError('the disk is gone', { code: 'store_failed' });
      },
    });
    const thrown = await createAgainst((response) => {
      whole = true;
      answerJson(response, 200, created);
    }, input);
    expect(thrown).toMatchObject({ code: 'store_failed' });
    expect(whole).toBe(false);
  });

  test.each([-10_000_000, -1, 1, 200_000])(
    '%d bytes away from what was announced: no whole body is sent',
    async (difference) => {
      let whole = 0;
      const count = (response: ServerResponse, incoming: IncomingMessage) => {
        incoming
          .on('error', () => {})
          .on('end', () => {
            whole++;
            answerJson(response, 200, created);
          });
        incoming.resume();
      };
      const input = inputOf({ bytes: bytesOf(large) + difference }, large);
      expect(await createAgainst(count, input, { readBody: false })).toMatchObject({ code: 'internal' });
      expect(whole).toBe(0);
    },
  );
});

describe('what is sent', () => {
  test.each(transports)('the exact text with its length announced, over %s', async (_, options) => {
    const answer = await createAgainst((response) => answerJson(response, 200, created), inputOf(), options);
    expect(answer).toMatchObject({ remoteId: 'msgbatch_1', phase: 'running', rawStatus: 'in_progress' });
    const rows = three.map(({ customId, body }) => `{"custom_id":"${customId}","params":${body}}`).join(',');
    const [seen] = server?.seen ?? [];
    expect(seen).toMatchObject({ method: 'POST', path: '/v1/messages/batches', body: `{"requests":[${rows}]}` });
    expect(seen?.headers).toMatchObject({
      'content-length': String(Buffer.byteLength(seen?.body ?? '')),
      'content-type': 'application/json',
      'anthropic-version': '2026-10-21',
      'x-api-key': apiKey,
    });
    expect(seen?.headers).not.toHaveProperty('transfer-encoding');
    expect(seen?.headers).not.toHaveProperty('authorization');
  });

  test('the version that the endpoint stands for', async () => {
    await createAgainst(
      (response) => answerJson(response, 200, created),
      inputOf({ endpoint: '/v1/messages?version=2023-06-01' }),
    );
    expect(server?.seen[0]).toMatchObject({ path: '/v1/messages/batches' });
    expect(server?.seen[0]?.headers['anthropic-version']).toBe('2023-06-01');
  });

  test('64 MB are read no faster than the provider takes them', async () => {
    const body = `{"x":"${'x'.repeat(63_980)}"}`;
    let pulled = 0;
    const rows = 1000;
    const bytes = rows * batchRowBytes(body.length, 'id-0000');
    async function* requests() {
      for (; pulled < rows; pulled++) yield { customId: `id-${String(pulled).padStart(4, '0')}`, body };
    }
    let held = 0;
    let received = 0;
    const answer = async (response: ServerResponse, incoming: IncomingMessage) => {
      for (let before = -1; before !== pulled; ) {
        before = pulled;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      held = pulled;
      for await (const chunk of incoming) received += chunk.length;
      answerJson(response, 200, created);
    };
    const batch = await createAgainst(answer, inputOf({ bytes, requests }), { readBody: false, idleMs: 3000 });
    expect(batch).toMatchObject({ remoteId: 'msgbatch_1' });
    expect(received).toBe(bytes + 14);
    // What the sockets of both sides hold.
    expect(held).toBeLessThan(rows / 4);
  });
});

describe('answers that say what happened', () => {
  const limited = 'rate_limit_error';
  const spent = { details: { error_code: 'enforced_spend_limit_reached' } };
  test.each<[number, Record<string, unknown>, string, boolean]>([
    [400, { type: 'invalid_request_error', message: 'requests: too many' }, 'rejected', false],
    [
      400,
      { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API' },
      'quota',
      false,
    ],
    [
      400,
      { type: 'invalid_request_error', message: 'You have reached your specified API usage limits.' },
      'quota',
      false,
    ],
    [400, { type: 'invalid_request_error', message: 'This organization is on hold.' }, 'quota', false],
    [401, { type: 'authentication_error', message: `invalid x-api-key ${apiKey}` }, 'auth', false],
    [402, { type: 'billing_error', message: 'pay' }, 'quota', false],
    [403, { type: 'permission_error', message: 'no' }, 'auth', false],
    [404, { type: 'not_found_error', message: 'Not found' }, 'batch_unavailable', false],
    [404, { type: 'not_found_error', message: 'model: claude-0' }, 'rejected', false],
    [405, { message: 'no' }, 'batch_unavailable', false],
    [413, { type: 'request_too_large', message: 'too large' }, 'rejected', false],
    [429, { type: limited, message: 'too many requests a minute' }, 'rate_limited', true],
    [429, { type: limited, message: 'monthly', ...spent }, 'quota', false],
    [429, { type: limited, message: 'm', details: { error_code: 'contract_spend_limit_reached' } }, 'quota', false],
  ])('HTTP %d %j -> %s', async (status, error, code, retryable) => {
    const body = { type: 'error', error, request_id: 'req_1' };
    const thrown = await createAgainst((response) => answerJson(response, status, body, { 'retry-after': '2' }));
    expect(thrown).toMatchObject({ code, retryable, retryAfterMs: 2000 });
    expect(String(thrown)).not.toContain(apiKey);
    expect(posts()).toBe(1);
  });

  test('a full queue is no_room, with the limit where it is named', async () => {
    const answer = (message: string) => (response: ServerResponse) =>
      answerJson(response, 429, { type: 'error', error: { type: limited, message } });
    const words = 'This would exceed your limit of 200,000 batch requests in the processing queue.';
    expect(await createAgainst(answer(words))).toMatchObject({ code: 'no_room', retryable: true, limit: 200_000 });
    await server?.close();
    const silent = await createAgainst(answer('Too many queued requests.'));
    expect(silent).toMatchObject({ code: 'no_room' });
    expect((silent as OffpeakError).limit).toBeUndefined();
  });

  test('a 400 that blames a row is a batch that was refused', async () => {
    const message = 'requests.2.custom_id: String should match pattern';
    const body = { type: 'error', error: { type: 'invalid_request_error', message } };
    const refused = await createAgainst((response) => answerJson(response, 400, body));
    expect(refused).toMatchObject({ remoteId: '', phase: 'refused', refusal: 'rows', errors: [{ line: 3, message }] });
    expect(posts()).toBe(1);
  });
});
