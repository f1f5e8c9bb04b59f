import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { testProvider } from '../../testing/test-provider.ts';
import { createOpenAIProvider, type OpenAIProviderOptions } from './openai-provider.ts';

function make(options: OpenAIProviderOptions = {}) {
  return async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'offpeak-openai-'));
    const sandbox = await startSandbox({ stateDir, delays: { validatingMs: 1000, inProgressMs: 60_000 } });
    return {
      provider: createOpenAIProvider({
        apiKey: 'sk-sandbox',
        baseUrl: `${sandbox.url}/v1`,
        simulated: true,
        ...options,
      }),
      passTime: () => sandbox.advance(20_000),
      async close() {
        await sandbox.close();
        await rm(stateDir, { recursive: true, force: true });
      },
    };
  };
}

const capabilities = {
  chatModel: 'gpt-5-mini',
  visionModel: 'gpt-5-mini',
  embeddingModel: 'text-embedding-3-small',
  unknownModel: 'no-such-model',
  schema: true,
  refusedRequest: {
    type: 'chat',
    model: 'gpt-5-mini',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    temperature: 9,
  },
} as const;

testProvider('openai', make(), capabilities);
testProvider('openai over /v1/responses', make({ chatEndpoint: 'responses' }), capabilities);
testProvider('openai over fetch', make({ fetch: globalThis.fetch }), capabilities);
testProvider('openai without a batch API', make({ batchApi: false }), capabilities);

test('the account covers all that decides which batches are shown: key, address, organization and project', () => {
  const base: OpenAIProviderOptions = { apiKey: 'sk-one' };
  const accountOf = (change: OpenAIProviderOptions) => createOpenAIProvider({ ...base, ...change }).account;
  const accounts = [
    accountOf({}),
    accountOf({ apiKey: 'sk-two' }),
    accountOf({ baseUrl: 'https://example.com/v1' }),
    accountOf({ organization: 'a' }),
    accountOf({ project: 'a' }),
    accountOf({ project: 'b' }),
    accountOf({ organization: 'a', project: 'b' }),
  ];
  expect(new Set(accounts).size).toBe(accounts.length);
  expect(accountOf({ project: 'a' })).toBe(accountOf({ project: 'a' }));
  for (const account of accounts) expect(account).not.toContain('sk-');
});
