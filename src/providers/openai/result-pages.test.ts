import { afterEach, expect, test } from 'vitest';
import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { createCompatibleProvider } from '../compatible-provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const remote: RemoteBatch = { remoteId: 'b1', phase: 'ended', rawStatus: 'cancelled', resultFileIds: [], errors: [] };
const chat = (content: string, usage: Record<string, unknown> = {}) => ({
  object: 'chat.completion',
  model: 'grok-4.3',
  choices: [{ message: { content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 1, ...usage },
});
const success = (id: string, content = id) => ({
  batch_request_id: id,
  batch_result: { response: { chat_get_completion: chat(content) } },
});

/** All lines of what the server answers to each token. */
async function readAll(
  answer: (token: string | null, limit: number) => unknown,
  batchOf = remote,
): Promise<ResultLine[]> {
  server = await startScriptedServer((request, response) => {
    const query = new URL(request.path, 'http://x').searchParams;
    answerJson(response, 200, answer(query.get('pagination_token'), Number(query.get('limit'))));
  });
  const { batch } = createCompatibleProvider({ profile: 'xai', apiKey: 'k', baseUrl: server.url });
  const lines: ResultLine[] = [];
  for await (const line of batch?.results(batchOf) ?? []) lines.push(line);
  return lines;
}

const readOne = async (row: unknown) => (await readAll(() => ({ results: [row], pagination_token: null })))[0];

test('every page is read, to the one that names no next', async () => {
  const pages = new Map<string | null, unknown>([
    [null, { results: [success('a'), success('b')], pagination_token: 't/1' }],
    ['t/1', { results: [success('c')], pagination_token: '' }],
  ]);
  const lines = await readAll((token) => pages.get(token));
  expect(lines.map(({ customId }) => customId)).toEqual(['a', 'b', 'c']);
  expect(lines[0]).toMatchObject({ model: 'grok-4.3', outcome: { type: 'succeeded', output: 'a' } });
  expect(server?.seen.map(({ path }) => path)).toEqual([
    '/batches/b1/results?limit=500',
    '/batches/b1/results?limit=500&pagination_token=t%2F1',
  ]);
});

test('of a page that is too long, fewer rows are asked for, and none is lost', async () => {
  const long = 'x'.repeat(1_000_000);
  const rows = Array.from({ length: 40 }, (_, i) => success(String(i), long));
  const lines = await readAll((token, limit) => {
    const from = Number(token ?? 0);
    const page = rows.slice(from, from + limit);
    return { results: page, pagination_token: from + limit < rows.length ? String(from + limit) : null };
  });
  expect(lines.map(({ customId }) => customId)).toEqual(rows.map(({ batch_request_id }) => batch_request_id));
  expect(server?.seen[1]?.path).toContain('limit=125');
});

test.each([
  ['no results', () => ({ error: 'x' }), 'bad_answer'],
  ['something else', () => ({ results: 'none' }), 'bad_answer'],
  ['pages that stand still', () => ({ results: [], pagination_token: 't' }), 'bad_answer'],
] as const)('%s never look complete', async (_, answer, code) => {
  await expect(readAll(answer)).rejects.toMatchObject({ code });
});

test('a page that is not there proves nothing of its rows', async () => {
  server = await startScriptedServer((_, response) => answerJson(response, 404, { code: 'Not found', error: 'gone' }));
  const { batch } = createCompatibleProvider({ profile: 'xai', apiKey: 'k', baseUrl: server.url });
  await expect(batch?.results(remote)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'not_found' });
});

test.each([
  ['Batch cancelled', { type: 'cancelled' }],
  ['Batch expired', { type: 'expired' }],
  ['max_tokens must be positive but max_tokens = -5', { type: 'failed', code: 'invalid_request', retryable: false }],
  ['Failed to download the provided image', { type: 'failed', code: 'invalid_request', retryable: false }],
  ['Something else', { type: 'failed', retryable: true }],
  ['The service is overloaded', { type: 'failed', code: 'overloaded', retryable: true }],
  ['Too many requests', { type: 'failed', code: 'rate_limited', retryable: true }],
  [{ code: 1, message: 'stopped' }, { type: 'cancelled' }],
  [
    { code: 13, message: 'it broke' },
    { type: 'failed', code: 'overloaded', retryable: true },
  ],
  [
    { code: 3, message: 'bad argument' },
    { type: 'failed', code: 'invalid_request', retryable: false },
  ],
])('an error as text or as a status: %j', async (error, outcome) => {
  const line = await readOne({ batch_request_id: 'a', batch_result: { error } });
  expect(line).toMatchObject({ customId: 'a', outcome });
  expect(line?.outcome).toMatchObject({ message: typeof error === 'string' ? error : error.message });
});

test('of a batch that nobody cancelled, a row that was has not run, and is tried again', async () => {
  const row = { batch_request_id: 'a', batch_result: { error: 'Batch cancelled' } };
  const [line] = await readAll(() => ({ results: [row] }), { ...remote, rawStatus: 'expired' });
  expect(line?.outcome).toEqual({ type: 'expired', message: 'Batch cancelled' });
});

test('an empty page may leave out its rows; the body may stand beside words about it', async () => {
  expect(await readAll(() => ({ pagination_token: null }))).toEqual([]);
  await server?.close();
  const response = { type: 'chat', chat_get_completion: chat('x') };
  expect(await readOne({ batch_request_id: 'a', batch_result: { response } })).toMatchObject({
    outcome: { type: 'succeeded', output: 'x' },
  });
});

test('what is no row is kept as it came', async () => {
  expect(await readOne({ batch_request_id: 'a', batch_result: {} })).toMatchObject({
    customId: 'a',
    outcome: { type: 'failed', code: 'malformed' },
    raw: '{"batch_request_id":"a","batch_result":{}}',
  });
  const nameless = await readOne(7);
  expect(nameless).toMatchObject({ outcome: { code: 'malformed' }, raw: '7' });
  expect(nameless).not.toHaveProperty('customId');
});

test.each([
  // As it was captured.
  ['beside the completion', { completion_tokens: 1, reasoning: 118 }, 119],
  ['beside it, by the total', { completion_tokens: 200, reasoning: 118, total_tokens: 328 }, 318],
  ['inside it, as at OpenAI', { completion_tokens: 200, reasoning: 118, total_tokens: 210 }, 200],
  ['inside it, without a total', { completion_tokens: 200, reasoning: 118 }, 200],
])('reasoning is counted %s', async (_, { reasoning, ...usage }, outputTokens) => {
  const body = chat('x', { ...usage, completion_tokens_details: { reasoning_tokens: reasoning } });
  const row = { batch_request_id: 'a', batch_result: { response: { chat_get_completion: body } } };
  const found = { inputTokens: 10, outputTokens, reasoningTokens: reasoning };
  expect((await readOne(row))?.outcome).toMatchObject({ usage: found });
});
