import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../source.ts';
import { createJsonlSource } from './jsonl-source.ts';
import { SeenIds } from './seen-ids.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'offpeak-jsonl-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function itemsOf(text: string | Buffer, model?: string): Promise<Item[]> {
  const path = join(root, 'requests.jsonl');
  writeFileSync(path, text);
  const items: Item[] = [];
  for await (const item of createJsonlSource({ path, ...(model ? { model } : {}) }).items()) items.push(item);
  return items;
}

async function contentOf(line: unknown, model = 'm'): Promise<Item['content'] | undefined> {
  return (await itemsOf(typeof line === 'string' ? line : JSON.stringify(line), model))[0]?.content;
}

const malformed = (words: string) => ({ type: 'skip', code: 'malformed', message: expect.stringContaining(words) });
const user = (text: string) => ({ role: 'user', content: [{ type: 'text', text }] });

describe('requests', () => {
  it('passes an OpenAI batch line on untouched', async () => {
    const body = { model: 'gpt-5-mini', input: 'Hi\u2028there', odd: { '2': 1, a: [null, 0.1] }, stream: false };
    const line = { custom_id: 'a-1', method: 'POST', url: '/v1/responses', body };
    expect(await itemsOf(`${JSON.stringify(line)}\n`)).toEqual([
      {
        key: 'a-1',
        position: 1,
        content: { type: 'request', request: { type: 'native', model: 'gpt-5-mini', endpoint: '/v1/responses', body } },
      },
    ]);
    const proto = '{"custom_id":"p","url":"/v1/x","body":{"z":1,"__proto__":{"a":1},"model":"m"}}';
    const content = await contentOf(proto);
    expect(JSON.stringify(content)).toContain('{"z":1,"__proto__":{"a":1},"model":"m"}');
  });

  it('gives a batch line the default model where it names none', async () => {
    const line = { url: '/v1/chat/completions', body: { messages: [] } };
    expect(await contentOf(line)).toMatchObject({ request: { model: 'm', body: { messages: [], model: 'm' } } });
    expect(await itemsOf(JSON.stringify(line))).toMatchObject([{ key: 'line 1', content: malformed('model') }]);
  });

  it('makes a chat of a prompt or of messages', async () => {
    const items = await itemsOf(
      [
        { id: 7, prompt: 'Say hi', system: 'Be short', max_tokens: 5, temperature: 0 },
        {
          custom_id: 'c',
          model: 'other',
          messages: [
            { role: 'user', content: 'a' },
            { role: 'assistant', content: 'b' },
          ],
        },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
      'm',
    );
    expect(items).toEqual([
      {
        key: '7',
        position: 1,
        content: {
          type: 'request',
          request: {
            type: 'chat',
            model: 'm',
            messages: [{ role: 'system', content: [{ type: 'text', text: 'Be short' }] }, user('Say hi')],
            maxTokens: 5,
            temperature: 0,
          },
        },
      },
      {
        key: 'c',
        position: 2,
        content: {
          type: 'request',
          request: { type: 'chat', model: 'other', messages: [user('a'), { ...user('b'), role: 'assistant' }] },
        },
      },
    ]);
  });

  it.each<[unknown, string]>([
    [{ prompt: 'a', topp: 1 }, '"topp"'],
    [{ messages: [{ role: 'user', content: 'a', name: 'x' }] }, '"name"'],
    [{ messages: [{ role: 'user', content: [1] }] }, 'messages.0.content'],
    [{ messages: [{ role: 'tool', content: 'a' }] }, 'messages.0.role'],
    [{ messages: [] }, 'messages'],
    [{ prompt: 5 }, 'prompt'],
    [{ prompt: 'a', max_tokens: 0 }, 'max_tokens'],
    [{ prompt: 'a', id: '' }, 'id'],
    [{ prompt: 'a', id: 'x', custom_id: 'y' }, 'both'],
    [{ prompt: 'a', messages: [] }, 'both'],
    [{ prompt: 'a', stream: true }, '"stream"'],
    [{ url: '/v1/x', body: { model: 'm', stream: true } }, 'remove "stream"'],
    [{ url: '/v1/x', body: [] }, 'body'],
    [{ url: 'https://evil/v1', body: {} }, 'url'],
    [{ url: '/v1/x', method: 'GET', body: {} }, 'method'],
    [{ url: '/v1/x', body: { model: 7 } }, 'body.model'],
    [{ body: {} }, 'url'],
    [{ text: 'a' }, 'neither'],
    [['a'], 'object'],
    ['"a"', 'object'],
    ['{"prompt": "sk-secret', 'not valid JSON'],
    ['{"prompt": "sk-secret" x}', 'character'],
    [`{"url":"/v1/x","body":{"model":"m","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`, 'nested'],
    ['{"url":"/v1/x","body":{"model":"m","seed":12345678901234567890}}', 'whole number'],
  ])('refuses %j and says why', async (line, words) => {
    const content = await contentOf(line);
    expect(content).toMatchObject(malformed(words));
    expect(content).toMatchObject(malformed('line 1 '));
    expect(JSON.stringify(content)).not.toContain('secret');
  });

  it('takes long rows of digits that lose nothing', async () => {
    expect(await contentOf('{"prompt":"card 12345678901234567890","temperature":0.1234567890123456789}')).toMatchObject(
      { type: 'request' },
    );
    expect(await contentOf({ prompt: ' \n' })).toMatchObject({ type: 'skip', code: 'empty' });
  });
});

describe('lines', () => {
  it('leaves the neighbours of a bad line alone', async () => {
    const lines = [
      '\ufeff{"prompt":"a"}\r',
      '',
      '  \r',
      '{bad',
      '{"id":"x","prompt":"b\u2028\u2029\r"}'.replace('\r', '\\r'),
      '{"prompt":"c"}',
    ];
    const items = await itemsOf(lines.join('\n'), 'm');
    expect(items.map(({ key, position, content }) => [key, position, content.type])).toEqual([
      ['line 1', 1, 'request'],
      ['line 4', 4, 'skip'],
      ['x', 5, 'request'],
      ['line 6', 6, 'request'],
    ]);
    expect(items[2]?.content).toMatchObject({ request: { messages: [user('b\u2028\u2029\r')] } });
  });

  it('skips an id that was there before, also beside a line without one', async () => {
    const ids = ['a', 'line 4', 'a', undefined, 'A', 'ä', 'a\u0308'];
    const items = await itemsOf(ids.map((id) => JSON.stringify({ id, prompt: 'p' })).join('\n'), 'm');
    expect(items.map(({ key, content }) => [key, content.type === 'skip' ? content.code : content.type])).toEqual([
      ['a', 'request'],
      ['line 4', 'request'],
      ['a (line 3)', 'duplicate'],
      ['line 4 (2)', 'request'],
      ['A', 'request'],
      ['ä', 'request'],
      ['a\u0308', 'request'],
    ]);
  });

  it('reports a line that is too long and goes on', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"prompt":"a"}\n'),
      Buffer.alloc(70 * 1024 * 1024, 0x78),
      Buffer.from('\n{"prompt":"b"}'),
    ]);
    expect(await itemsOf(bytes, 'm')).toMatchObject([
      { key: 'line 1', content: { type: 'request' } },
      { key: 'line 2', content: { type: 'skip', code: 'too_large' } },
      { key: 'line 3', content: { type: 'request' } },
    ]);
  });
});

describe('the file', () => {
  it('is named when it is missing or a folder', async () => {
    const missing = createJsonlSource({ path: join(root, 'none.jsonl') });
    await expect(missing.items()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('none.jsonl'),
    });
    await expect(createJsonlSource({ path: root }).items()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'usage',
    });
  });

  it('stops when asked to', async () => {
    const path = join(root, 'many.jsonl');
    writeFileSync(path, '{"prompt":"a"}\n'.repeat(1000));
    const stop = new AbortController();
    let count = 0;
    const reading = async () => {
      for await (const _ of createJsonlSource({ path, model: 'm' }).items(stop.signal)) if (++count === 3) stop.abort();
    };
    await expect(reading()).rejects.toMatchObject({ code: 'aborted' });
    expect(count).toBe(3);
  });

  it('is described by an absolute path', () => {
    expect(createJsonlSource({ path: 'a.jsonl', model: 'm' }).description).toEqual({
      type: 'jsonl',
      path: join(process.cwd(), 'a.jsonl'),
      model: 'm',
    });
    const typo: object = { path: 'a', modle: 'm' };
    expect(() => createJsonlSource(typo as { path: string })).toThrow(/"modle"/);
  });
});

it('SeenIds knows each of 200,000 ids once', () => {
  const seen = new SeenIds();
  for (let i = 0; i < 200_000; i++) expect(seen.add(`request-${i}`)).toBe(true);
  for (let i = 0; i < 200_000; i += 7) expect(seen.add(`request-${i}`)).toBe(false);
  expect(seen.add('')).toBe(true);
  expect(seen.add('')).toBe(false);
});
