import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Json, openTestClient, type TestClient } from '../test-client.ts';

describe('the Ollama namespace', () => {
  let client: TestClient;
  beforeEach(async () => {
    client = await openTestClient();
  });
  afterEach(() => client.close());
  const messages = [{ role: 'user', content: 'Whales sing long songs.' }];

  test('chat, whole and streamed, needs no key', async () => {
    const whole = await fetch(`${client.sandbox.url}/api/chat`, {
      method: 'POST',
      body: JSON.stringify({ model: 'llama3.2', messages, stream: false }),
    });
    expect(await whole.json()).toMatchObject({
      model: 'llama3.2',
      message: { role: 'assistant', content: 'Whales sing long songs.' },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 6,
    });
    const { text } = await client.call('POST', '/api/chat', { model: 'llama3.2', messages });
    const pieces = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    expect(pieces.map((piece) => (piece.message as Json).content).join('')).toBe('Whales sing long songs.');
    expect(pieces.map((piece) => piece.done)).toEqual([...Array(pieces.length - 1).fill(false), true]);
  });

  test('generate with limit, JSON format, embeddings', async () => {
    const post = async (path: string, body: Json): Promise<Json> =>
      (await client.call('POST', path, { stream: false, ...body })).json;
    expect(
      await post('/api/generate', { model: 'm', prompt: 'Whales sing long songs.', options: { num_predict: 2 } }),
    ).toMatchObject({
      response: 'Whales s',
      done_reason: 'length',
    });
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const answer = await post('/api/chat', { model: 'm', messages, format: schema });
    expect(JSON.parse(String((answer.message as Json).content))).toEqual({ n: 1 });
    const { embeddings } = await post('/api/embed', { model: 'nomic-embed-text', input: ['a', 'b'] });
    expect((embeddings as number[][]).map((vector) => vector.length)).toEqual([768, 768]);
  });

  test('models and errors', async () => {
    const missing = await client.call('POST', '/api/chat', { model: 'no-such-model', messages });
    expect([missing.status, missing.json]).toEqual([404, { error: "model 'no-such-model' not found" }]);
    const broken = await fetch(`${client.sandbox.url}/api/chat`, { method: 'POST', body: '{' });
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ error: expect.any(String) });
    expect((await client.call('GET', '/api/tags')).json.models).toBeInstanceOf(Array);
    expect((await client.call('GET', '/api/version')).json.version).toBeTypeOf('string');
    expect((await client.call('POST', '/api/show', { model: 'm' })).status).toBe(200);
  });
});
