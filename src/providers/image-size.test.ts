import { expect, test } from 'vitest';
import { createAnthropicProvider } from './anthropic/anthropic-provider.ts';
import { createOpenAIProvider } from './openai/openai-provider.ts';

const input = (part: unknown) => [{ role: 'user', content: [part, { type: 'input_text', text: '"file_id": "x"' }] }];

test.each([
  ['a file at the provider', { input: input({ type: 'input_file', file_id: 'file-1' }) }, true],
  ['a file behind an address', { input: input({ type: 'input_file', file_url: 'https://example.org/a.pdf' }) }, true],
  ['an earlier answer', { input: 'go on', previous_response_id: 'resp_1' }, true],
  ['nothing but words that speak of one', { input: input({ type: 'input_text', text: 'a' }) }, false],
])('OpenAI: what is not in the body is bound by what a model can read: %s', (_, body, isUnseen) => {
  const endpoint = '/v1/responses';
  const { size } = createOpenAIProvider({ apiKey: 'k' }).toWire({ type: 'native', model: 'm', endpoint, body });
  expect(size.maxInputTokens > 1_000_000).toBe(isUnseen);
});

test('OpenAI: a field of the answer that is named as a file would be is none', () => {
  const schema = { type: 'object', properties: { file_id: { type: 'string' }, conversation: { type: 'string' } } };
  const content = [{ type: 'text', text: 'a' }] as const;
  const provider = createOpenAIProvider({ apiKey: 'k' });
  const { size } = provider.toWire({ type: 'chat', model: 'm', messages: [{ role: 'user', content }], schema });
  expect(size.maxInputTokens).toBeLessThan(1_000);
});

test.each([
  ['url', true],
  ['file', true],
  ['base64', false],
])('Anthropic: a document by %s', (type, isUnseen) => {
  const source = { type, url: 'https://example.org/a.pdf' };
  const body = { max_tokens: 5, messages: [{ role: 'user', content: [{ type: 'document', source }] }] };
  const endpoint = '/v1/messages';
  const { size } = createAnthropicProvider({ apiKey: 'k' }).toWire({ type: 'native', model: 'm', endpoint, body });
  expect(size.maxInputTokens > 1_000_000).toBe(isUnseen);
});
