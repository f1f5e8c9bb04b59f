import { expect, test } from 'vitest';
import { jobOfLine, jobOfRow } from './row-to-job.ts';

const defaults = { jobType: 'creative_scoring', provider: 'openai', priority: 5 };

test('a line is the body of a job, or its data alone', () => {
  const whole = { job_type: 'hook_generation', provider: 'gemini', priority: 9, data: { product: 'shoes' } };
  expect(jobOfLine(JSON.stringify(whole), defaults)).toEqual({ job: whole });
  expect(jobOfLine('{"script":"a","data":"a text of its own"}', defaults)).toEqual({
    job: {
      job_type: 'creative_scoring',
      provider: 'openai',
      priority: 5,
      data: { script: 'a', data: 'a text of its own' },
    },
  });
});

test.each([
  ['{"data":', /not JSON/],
  ['[1]', /JSON object/],
  ['{}', /empty/],
  ['{"data":{"a":1},"priority":11}', /priority/],
  ['{"data":{"a":1},"priority":"5"}', /priority/],
  ['{"data":{"a":1},"job_type":"toString"}', /job_type/],
  ['{"data":{"a":1},"provider":""}', /provider/],
  ['{"data":{"a":1},"priorty":3}', /unknown field "priorty"/],
  ['{"data":{"a":1},"callback_url":3}', /callback_url/],
])('%s is refused', (line, why) => {
  const read = jobOfLine(line, defaults);
  expect('error' in read && read.error).toMatch(why);
});

test('columns become the job, its messages, and its data', () => {
  const head = ['priority', 'model', 'system', 'prompt', 'temperature', 'creative_id', 'messages', 'note'];
  expect(jobOfRow(head, ['7', 'gpt-5-mini', 'Be brief.', 'Why?', '0.2', 'ad-1', '', ''], defaults)).toEqual({
    job: {
      job_type: 'creative_scoring',
      provider: 'openai',
      priority: 7,
      data: {
        model: 'gpt-5-mini',
        temperature: 0.2,
        creative_id: 'ad-1',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Why?' },
        ],
      },
    },
  });
  expect(jobOfRow(['input'], ['["a","b"]'], defaults)).toMatchObject({ job: { data: { input: ['a', 'b'] } } });
  // An id that looks like a number stays a text.
  expect(jobOfRow(['creative_id'], ['007'], defaults)).toMatchObject({ job: { data: { creative_id: '007' } } });
});

test('a row of another length is refused', () => {
  const read = jobOfRow(['a', 'b'], ['1'], defaults);
  expect('error' in read && read.error).toBe('has 1 fields, the first line has 2');
});
