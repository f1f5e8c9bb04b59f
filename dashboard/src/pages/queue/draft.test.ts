import { expect, test } from 'vitest';
import { emptyDraft, previewOf, requestOf } from './draft.ts';

const draft = { ...emptyDraft, provider: 'openai' };

test('a prompt becomes messages, empty fields are left out', () => {
  expect(requestOf({ ...draft, prompt: 'Why?', model: 'gpt-5-mini', maxTokens: 50 })).toEqual({
    body: {
      job_type: 'creative_scoring',
      provider: 'openai',
      priority: 5,
      data: { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Why?' }], max_tokens: 50 },
    },
  });
});

test('for embeddings each line is a text', () => {
  const body = requestOf({ ...draft, jobType: 'embedding_generation', prompt: 'one\n\ntwo\n' });
  expect(body).toMatchObject({ body: { data: { input: ['one', 'two'] } } });
});

test('data as JSON is taken as it is, or refused with the reason', () => {
  const json = (text: string) => requestOf({ ...draft, content: 'json', json: text });
  expect(json('{"script":"a"}')).toMatchObject({ body: { data: { script: 'a' } } });
  expect(json('[1]')).toEqual({ error: 'The data must be a JSON object.' });
  expect(json('{')).toMatchObject({ error: expect.stringMatching(/not JSON/) });
});

test('there is something to show before all is filled in', () => {
  expect(requestOf(draft)).toHaveProperty('error');
  expect(previewOf(draft)).toMatchObject({ data: { messages: [{ role: 'user', content: '…' }] } });
});
