import { describe, expect, test } from 'vitest';
import { createAnthropicProvider } from '../providers/anthropic/anthropic-provider.ts';
import { createGeminiProvider } from '../providers/gemini/gemini-provider.ts';
import { createOllamaProvider } from '../providers/ollama/ollama-provider.ts';
import { createOpenAIProvider } from '../providers/openai/openai-provider.ts';
import type { QueuedJob } from '../service-store.ts';
import { jobTypes } from './contract/words.ts';
import { type Preparation, prepareJob } from './prepare-job.ts';
import { checkPublicUrl } from './public-address.ts';
import type { QueueInput } from './service.ts';

const all = [
  createOpenAIProvider({ apiKey: 'sk-test' }),
  createAnthropicProvider({ apiKey: 'sk-test' }),
  createGeminiProvider({ apiKey: 'sk-test' }),
  createOllamaProvider({}),
];
const preparation: Preparation = {
  providers: new Map(all.map((provider) => [provider.name, provider])),
  defaultModels: {},
  problemWithUrl: (url) => checkPublicUrl(url, { allowPrivate: false }),
};

const input = (change: Partial<QueueInput> = {}): QueueInput => ({
  jobType: 'creative_scoring',
  provider: 'openai',
  data: { model: 'gpt-4o', script: 'Buy now' },
  priority: 5,
  ...change,
});

function job(change: Partial<QueueInput> = {}): QueuedJob {
  const prepared = prepareJob(input(change), preparation);
  if ('refusal' in prepared) throw new Error(`${prepared.refusal.field} ${prepared.refusal.message}`);
  return prepared.value;
}

function refusedField(change: Partial<QueueInput>, how = preparation): string | undefined {
  const prepared = prepareJob(input(change), how);
  return 'refusal' in prepared ? prepared.refusal.field : undefined;
}

test("a job as the adapter puts it on the wire, with the caller's own data beside it", () => {
  const data = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }], creative_id: 'c-1' };
  expect(job({ data, priority: 9, callbackUrl: 'https://example.com/hook' })).toMatchObject({
    queue: 'creative_scoring',
    provider: 'openai',
    simulated: false,
    model: 'gpt-4o',
    priority: 9,
    request: {
      lane: { provider: 'openai', model: 'gpt-4o', endpoint: '/v1/chat/completions', mode: 'batch' },
      body: '{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":1024,"temperature":0.3}',
      size: { maxOutputTokens: 1024 },
    },
    data: JSON.stringify(data),
    callbackUrl: 'https://example.com/hook',
  });
});

describe.each(['openai', 'anthropic', 'gemini'])('%s', (provider) => {
  test.each(jobTypes)('%s is sent by batch, or refused with the reason', (jobType) => {
    const data = jobType === 'embedding_generation' ? { input: 'a text' } : { script: 'Buy now' };
    const asked = { jobType, provider, data };
    if (provider === 'anthropic' && jobType === 'embedding_generation') expect(refusedField(asked)).toBe('job_type');
    else expect(job(asked).request.lane.mode).toBe('batch');
  });
});

test('what has no batches goes in realtime', () => {
  expect(job({ provider: 'ollama', data: { model: 'llama3.2', script: 'x' } }).request.lane.mode).toBe('realtime');
  const several = { jobType: 'embedding_generation', provider: 'gemini', data: { input: ['a', 'b'] } };
  expect(job(several).request.lane.mode).toBe('realtime');
});

describe('what is refused, by name', () => {
  test.each<[Partial<QueueInput>, string]>([
    [{ provider: 'bedrock' }, 'provider'],
    [{ provider: '__proto__' }, 'provider'],
    [{ jobType: 'ctr_prediction' }, 'job_type'],
    [{ priority: 0 }, 'priority'],
    [{ priority: 11 }, 'priority'],
    [{ priority: 1.5 }, 'priority'],
    [{ priority: Number.NaN }, 'priority'],
    [{ idempotencyKey: '' }, 'idempotency_key'],
    [{ idempotencyKey: 'x'.repeat(601) }, 'idempotency_key'],
    [{ callbackUrl: 'ftp://example.com' }, 'callback_url'],
    [{ callbackUrl: 'https://user:word@example.com' }, 'callback_url'],
    [{ callbackUrl: 'http://169.254.169.254/latest' }, 'callback_url'],
    [{ callbackUrl: 'http://[::1]:9/' }, 'callback_url'],
    [{ callbackUrl: 'http://0x7f.1/' }, 'callback_url'],
    [{ callbackUrl: `https://example.com/${'x'.repeat(2000)}` }, 'callback_url'],
    [{ callbackUrl: 'nonsense' }, 'callback_url'],
    [{ provider: 'anthropic', data: { messages: [{ role: 'system', content: 'Be short.' }] } }, 'data'],
    [{ provider: 'gemini', data: { model: 'no/such', script: 'x' } }, 'data'],
  ])('%j', (change, field) => expect(refusedField(change)).toBe(field));

  test('data that is nested so deeply that writing it would end the stack', () => {
    const nested = (levels: number) => ({ script: JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) });
    expect(refusedField({ data: nested(50_000) })).toBe('data');
    expect(refusedField({ data: nested(64) })).toBe('data');
    expect(refusedField({ data: nested(63) })).toBeUndefined();
  });

  test('the providers that there are', () => {
    const prepared = prepareJob(input({ provider: 'bedrock' }), preparation);
    expect('refusal' in prepared && prepared.refusal.message).toContain('openai, anthropic, gemini, ollama');
  });

  test('what is larger than a batch', () => {
    const openai = createOpenAIProvider({ apiKey: 'sk-test', limits: { maxBytes: 1_000 } });
    const small = { ...preparation, providers: new Map([['openai', openai]]) };
    expect(refusedField({ data: { messages: [{ role: 'user', content: 'x'.repeat(1_000) }] } }, small)).toBe('data');
    expect(refusedField({ data: { messages: [{ role: 'user', content: 'x'.repeat(100) }] } }, small)).toBeUndefined();
  });
});

describe('the hash of an idempotency key', () => {
  const hash = (change: Partial<QueueInput> = {}) => job({ idempotencyKey: 'k', ...change }).idempotency?.hash;

  test('is of what was asked for, whatever the order of its keys', () => {
    expect(hash({ data: { script: 'x', niche: { b: 1, a: [1, 2] } } })).toBe(
      hash({ data: { niche: { a: [1, 2], b: 1 }, script: 'x' } }),
    );
    expect(job().idempotency).toBeUndefined();
  });

  test('differs with every part', () => {
    const changes: Partial<QueueInput>[] = [
      {},
      { data: { model: 'gpt-4o', script: 'Buy now!' } },
      { data: { model: 'gpt-4o', script: ['Buy now'] } },
      { priority: 6 },
      { jobType: 'hook_generation' },
      { provider: 'gemini', data: { script: 'Buy now' } },
      { callbackUrl: 'https://example.com/' },
    ];
    expect(new Set(changes.map(hash)).size).toBe(changes.length);
  });
});

test('hostile data stays as it is: a lone surrogate, NUL, a key named __proto__', () => {
  const data = JSON.parse('{"script":"\\ud800 \\u0000","__proto__":{"polluted":true},"constructor":1}');
  const made = job({ data });
  expect(made.data).toBe(JSON.stringify(data));
  expect(made.request.body.isWellFormed()).toBe(true);
  expect(made.request.body).toContain('polluted');
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});
