import { expect, test } from 'vitest';
import { readPrompt } from './read-prompt.ts';

test.each([
  [
    'OpenAI chat',
    {
      messages: [
        { role: 'system', content: 'S' },
        { role: 'user', content: [{ type: 'text', text: 'U' }] },
      ],
    },
    [
      { role: 'system', text: 'S' },
      { role: 'user', text: 'U' },
    ],
  ],
  ['OpenAI embeddings', { input: ['a', 'b'] }, [{ role: 'input', text: 'a\n\nb' }]],
  [
    'OpenAI responses',
    { instructions: 'I', input: [{ role: 'user', content: 'U' }] },
    [
      { role: 'instructions', text: 'I' },
      { role: 'user', text: 'U' },
    ],
  ],
  [
    'Anthropic',
    { system: [{ type: 'text', text: 'S' }], messages: [{ role: 'user', content: 'U' }] },
    [
      { role: 'system', text: 'S' },
      { role: 'user', text: 'U' },
    ],
  ],
  [
    'Gemini',
    { systemInstruction: { parts: [{ text: 'S' }] }, contents: [{ role: 'user', parts: [{ text: 'U' }] }] },
    [
      { role: 'system', text: 'S' },
      { role: 'user', text: 'U' },
    ],
  ],
])('%s', (_name, request, parts) => expect(readPrompt(request)).toEqual(parts));

test('a picture is named, not shown', () => {
  const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(1000)}` } };
  const [part] = readPrompt({ messages: [{ role: 'user', content: [image] }] });
  expect(part?.text).toMatch(/^\[image_url: /);
  expect(part?.text.length).toBeLessThan(300);
});

test('what is of no known shape gives nothing', () => {
  expect(readPrompt(null)).toEqual([]);
  expect(readPrompt('text')).toEqual([]);
  expect(readPrompt({ messages: 'no list', contents: [null, 3] })).toEqual([]);
});
