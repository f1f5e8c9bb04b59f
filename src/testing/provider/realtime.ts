import { expect, test } from 'vitest';
import type { Outcome } from '../../outcome.ts';
import type { ChatRequest, ContentPart, ModelRequest } from '../../request.ts';
import { callOptions, chat, type ProviderCapabilities, type ProviderUnderTest } from './context.ts';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export function testRealtime(under: () => ProviderUnderTest, capabilities: ProviderCapabilities): void {
  const call = (request: ModelRequest): Promise<Outcome> => {
    const { provider } = under();
    return provider.call(provider.toWire(request), callOptions());
  };

  test('answers the check', async () => {
    const check = await under().provider.check();
    expect(check.address).toMatch(/^https?:\/\//);
    expect(check.detail).not.toBe('');
  });

  test('has a name and the fingerprint of an account', () => {
    expect(under().provider.account.startsWith(`${under().provider.name}:`)).toBe(true);
  });

  test('the same request gives the same text', () => {
    const { provider } = under();
    const wire = provider.toWire(chat(capabilities.chatModel, 'Hello'));
    expect(provider.toWire(chat(capabilities.chatModel, 'Hello'))).toEqual(wire);
    expect(JSON.parse(wire.body)).toEqual(expect.any(Object));
    // One provider writes the model into the body, another into the path.
    expect(wire.endpoint + wire.body).toContain(capabilities.chatModel);
    expect(wire.body).not.toContain('\n');
  });

  test('a request says how large it is', () => {
    const sizeOf = (text: string, more: Partial<ChatRequest> = {}) =>
      under().provider.toWire({ ...chat(capabilities.chatModel, text), ...more }).size;
    const [short, long] = [sizeOf('Hello'), sizeOf('Hello'.repeat(2000), { maxTokens: 77 })];
    for (const size of [short, long]) {
      expect(Number.isSafeInteger(size.inputTokens) && Number.isSafeInteger(size.maxInputTokens)).toBe(true);
      expect(size.inputTokens).toBeGreaterThan(0);
      expect(size.maxInputTokens).toBeGreaterThanOrEqual(size.inputTokens);
    }
    // Four bytes a token, and what the request needs around the text.
    expect(long.inputTokens).toBeGreaterThanOrEqual(2500);
    expect(long.inputTokens).toBeLessThan(3000);
    expect(long.maxInputTokens).toBeGreaterThanOrEqual(10_000);
    expect(long.maxOutputTokens).toBe(77);
    const image: ContentPart = { type: 'image', mediaType: 'image/png', base64: 'A'.repeat(4_000_000) };
    if (capabilities.visionModel) {
      const { size } = under().provider.toWire(chat(capabilities.visionModel, 'Hello', image));
      expect(size.inputTokens).toBeGreaterThan(short.inputTokens);
      expect(size.maxInputTokens).toBeLessThan(10_000);
    }
  });

  test('asks again with the answer and what is wrong with it', async () => {
    const { provider } = under();
    const wire = provider.toWire(chat(capabilities.chatModel, 'Name a number, as JSON.'));
    const answer = '{"number": "\u2028 seven"}';
    const again = provider.askAgain(wire, answer, 'number must be a "number"');
    expect(again).toBeDefined();
    const texts = textsIn(JSON.parse(again ?? ''));
    expect(again).not.toContain('\n');
    expect(texts).toContain('Name a number, as JSON.');
    expect(texts).toContain(answer);
    const position = texts.findIndex((text) => text.includes('number must be a "number"'));
    expect(position).toBeGreaterThan(texts.indexOf(answer));
    const outcome = await provider.call({ ...wire, body: again ?? '' }, callOptions());
    expect(outcome).toMatchObject({ type: 'succeeded', output: expect.stringMatching(/\S/) });
    // Once more, as happens when the second answer is wrong as well.
    const third = textsIn(JSON.parse(provider.askAgain({ ...wire, body: again ?? '' }, 'still no', 'no JSON') ?? ''));
    expect(third).toEqual(expect.arrayContaining([answer, 'still no']));
  });

  test.skipIf(!capabilities.embeddingModel)('there is no asking again for a vector', () => {
    const { provider } = under();
    const wire = provider.toWire({ type: 'embedding', model: capabilities.embeddingModel ?? '', input: ['a cat'] });
    expect(provider.askAgain(wire, '[1]', 'too short')).toBeUndefined();
  });

  test('chat', async () => {
    const outcome = await call(chat(capabilities.chatModel, 'Say hello.'));
    expect(outcome).toMatchObject({ type: 'succeeded', output: expect.stringMatching(/\S/) });
    expect(outcome.type === 'succeeded' && outcome.usage?.inputTokens).toBeGreaterThan(0);
    expect(outcome.type === 'succeeded' && outcome.usage?.outputTokens).toBeGreaterThan(0);
  });

  test('an answer cut at the token limit says so', async () => {
    const request = { ...chat(capabilities.chatModel, 'Tell the story of Rome in a thousand words.'), maxTokens: 5 };
    const outcome = await call(request);
    if (outcome.type === 'succeeded') expect(outcome.finishReason).toBe('length');
    else expect(outcome).toMatchObject({ type: 'failed', code: 'truncated', retryable: false });
  });

  test.skipIf(!capabilities.visionModel)('image', async () => {
    const image: ContentPart = { type: 'image', mediaType: 'image/png', base64: pixel };
    const outcome = await call(chat(capabilities.visionModel ?? '', 'What is this?', image));
    expect(outcome).toMatchObject({ type: 'succeeded', output: expect.stringMatching(/\S/) });
  });

  test.skipIf(!capabilities.schema)('schema', async () => {
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' }, pages: { type: 'integer' } },
      required: ['title', 'pages'],
      additionalProperties: false,
    };
    const outcome = await call({ ...chat(capabilities.chatModel, 'Describe a book.'), schema });
    expect(outcome.type).toBe('succeeded');
    const answer = outcome.type === 'succeeded' ? JSON.parse(outcome.output) : {};
    expect(answer).toEqual({ title: expect.any(String), pages: expect.any(Number) });
  });

  test.skipIf(!capabilities.embeddingModel)('embeddings: one vector bare, several in order', async () => {
    const embed = async (...input: string[]): Promise<unknown> => {
      const outcome = await call({ type: 'embedding', model: capabilities.embeddingModel ?? '', input });
      return outcome.type === 'succeeded' ? JSON.parse(outcome.output) : outcome;
    };
    const [first, second] = [await embed('a cat'), await embed('a train')];
    expect(first).toEqual(expect.arrayContaining([expect.any(Number)]));
    expect(second).not.toEqual(first);
    expect(await embed('a cat', 'a train')).toEqual([first, second]);
  });

  test('an unknown model is the fault of the row and stays one', async () => {
    const outcome = await call(chat(capabilities.unknownModel, 'Hello'));
    expect(outcome).toMatchObject({ type: 'failed', retryable: false, message: expect.stringMatching(/\S/) });
  });

  test('what cannot be said is a usage error', () => {
    const empty: ChatRequest = { type: 'chat', model: capabilities.chatModel, messages: [] };
    expect(() => under().provider.toWire(empty)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('an aborted call throws', async () => {
    const { provider } = under();
    const wire = provider.toWire(chat(capabilities.chatModel, 'Hello'));
    const call = provider.call(wire, { timeoutMs: 10_000, signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ code: 'aborted' });
  });
}

/** Every text inside a JSON value, in the order in which it stands there. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
