import { afterEach, describe, expect, test } from 'vitest';
import type { RemoteBatch } from '../../provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createGeminiProvider } from './gemini-provider.ts';

const apiKey = 'gemini-canary-0123456789abcdef';
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

/** Answers by "METHOD path"; each call of a path takes the next answer. */
async function api(script: Record<string, [status: number, body: unknown][]>) {
  server = await startScriptedServer((request, response) => {
    const [status, body] = script[`${request.method} ${request.path}`]?.shift() ?? [500, 'unexpected'];
    answerJson(response, status, body);
  });
  const provider = createGeminiProvider({ apiKey, baseUrl: server.url, timeouts: { replyMs: 5000 } });
  if (!provider.batch) throw new Error('no batch API');
  return { provider, batch: provider.batch };
}

const operation = (id: string, state: string) => ({
  name: `batches/${id}`,
  metadata: { state: `BATCH_STATE_${state}` },
});

describe('get, cancel and remove', () => {
  test('404 on a batch names batch and account, and is not a missing batch API', async () => {
    const { provider, batch } = await api({
      'GET /v1beta/batches/b9': [
        [404, { error: { message: 'Requested entity was not found.' } }],
        [403, { error: { message: 'You do not have permission, or it may not exist.' } }],
      ],
    });
    for (let i = 0; i < 2; i++) {
      const error = await batch.get('batches/b9').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'not_found', message: expect.stringContaining('b9') });
      expect(error).toMatchObject({ message: expect.stringContaining(provider.account) });
    }
  });

  test.each(['batches/..', 'batches/a/b', 'batches/a?b', '', 'batches/a#', '../models'])(
    'the id %j is put into no address',
    async (id) => {
      const { batch } = await api({});
      await expect(batch.get(id)).rejects.toMatchObject({ code: 'not_found' });
      expect(server?.seen).toHaveLength(0);
    },
  );

  test.each([
    [400, { error: { message: `API key not valid ${apiKey}`, details: [{ reason: 'API_KEY_INVALID' }] } }, 'auth'],
    [429, { error: { message: 'slow down' } }, 'rate_limited'],
    [500, { error: { message: 'oops' } }, 'unavailable'],
    [200, { hello: 1 }, 'bad_answer'],
    [200, '{"name":"bat', 'bad_answer'],
    [200, '', 'bad_answer'],
  ])('HTTP %d %j -> %s after one request', async (status, body, code) => {
    const { batch } = await api({ 'GET /v1beta/batches/b': [[status, body]] });
    const error = await batch.get('batches/b').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(error) + String(error)).not.toContain(apiKey);
    expect(server?.seen).toHaveLength(1);
  });

  test('the key travels in a header, and the time that we wait beside it', async () => {
    const { batch } = await api({ 'GET /v1beta/batches/b': [[200, operation('b', 'RUNNING')]] });
    await batch.get('batches/b');
    expect(server?.seen[0]?.headers).toMatchObject({ 'x-goog-api-key': apiKey, 'x-server-timeout': '5' });
    expect(server?.seen[0]?.path).not.toContain(apiKey);
  });

  test('cancel answers the batch as it is then, also when it has ended already', async () => {
    const { batch } = await api({
      'POST /v1beta/batches/b:cancel': [
        [200, {}],
        [200, ''],
        [400, { error: { message: 'already done', status: 'FAILED_PRECONDITION' } }],
        [409, { error: { message: 'already done' } }],
        [400, { error: { message: 'bad' } }],
        [404, {}],
        [503, {}],
      ],
      'GET /v1beta/batches/b': [
        [200, operation('b', 'RUNNING')],
        [200, operation('b', 'CANCELLED')],
        [200, operation('b', 'SUCCEEDED')],
        [200, operation('b', 'SUCCEEDED')],
        [200, operation('b', 'RUNNING')],
      ],
    });
    expect(await batch.cancel('batches/b')).toMatchObject({ phase: 'running', rawStatus: 'running' });
    expect(await batch.cancel('batches/b')).toMatchObject({ phase: 'ended', rawStatus: 'cancelled' });
    expect(await batch.cancel('batches/b')).toMatchObject({ phase: 'ended', rawStatus: 'succeeded' });
    expect(await batch.cancel('batches/b')).toMatchObject({ phase: 'ended' });
    await expect(batch.cancel('batches/b')).rejects.toMatchObject({ code: 'rejected' });
    await expect(batch.cancel('batches/b')).rejects.toMatchObject({ code: 'not_found' });
    await expect(batch.cancel('batches/b')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('remove', async () => {
    const { batch } = await api({
      'DELETE /v1beta/batches/b': [
        [200, {}],
        [200, ''],
        [404, {}],
        [503, {}],
      ],
    });
    await batch.remove?.('batches/b');
    await batch.remove?.('batches/b');
    await expect(batch.remove?.('batches/b')).rejects.toMatchObject({ code: 'not_found' });
    await expect(batch.remove?.('batches/b')).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('list', () => {
  const page = (ids: string[], nextPageToken?: string) => ({
    operations: ids.map((id) => operation(id, 'SUCCEEDED')),
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
  });
  async function idsOf(list: AsyncIterable<RemoteBatch>) {
    const ids: string[] = [];
    for await (const batch of list) ids.push(batch.remoteId);
    return ids;
  }
  const first = 'GET /v1beta/batches?pageSize=100';

  test('reads to the end, over pages that are short or empty', async () => {
    const { batch } = await api({
      [first]: [[200, page(['a', 'b'], 'x/+=')]],
      [`${first}&pageToken=x%2F%2B%3D`]: [[200, { nextPageToken: 'y' }]],
      [`${first}&pageToken=y`]: [[200, page(['c'], '')]],
    });
    expect(await idsOf(batch.list())).toEqual(['batches/a', 'batches/b', 'batches/c']);
  });

  test('an account without batches', async () => {
    const { batch } = await api({ [first]: [[200, {}]] });
    expect(await idsOf(batch.list())).toEqual([]);
  });

  test.each<[string, [number, unknown], string]>([
    ['a page that fails', [500, {}], 'unavailable'],
    ['a token that stands still', [200, page(['b'], 't')], 'bad_answer'],
    ['a page of HTML', [200, '<html>'], 'bad_answer'],
    ['an empty body', [200, ''], 'bad_answer'],
    ['a page cut short', [200, '{"operations":[{"name":"batches/b"}'], 'bad_answer'],
    ['a page without operations', [200, { hello: 1 }], 'bad_answer'],
    ['operations that are no list', [200, { operations: {} }], 'bad_answer'],
    ['an entry without name', [200, { operations: [{ metadata: {} }] }], 'bad_answer'],
    ['parts that were not reached', [200, { operations: [], unreachable: ['x'] }], 'unavailable'],
  ])('%s never looks complete', async (_, second, code) => {
    const { batch } = await api({
      [first]: [[200, page(['a'], 't')]],
      [`${first}&pageToken=t`]: [second],
    });
    await expect(idsOf(batch.list())).rejects.toMatchObject({ code });
  });

  test('a page above 64 MiB is given up with a reason, and not asked for again', async () => {
    const { batch } = await api({ [first]: [[200, `{"operations":[${'"x",'.repeat(17_000_000)}"x"]}`]] });
    const error = await idsOf(batch.list()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'bad_answer', retryable: false, message: expect.stringContaining('inline') });
  });
});
