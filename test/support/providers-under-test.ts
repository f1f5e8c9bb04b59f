import type { BatchLimits, Provider } from '../../src/provider.ts';
import { createAnthropicProvider } from '../../src/providers/anthropic/anthropic-provider.ts';
import { createCompatibleProvider } from '../../src/providers/compatible-provider.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import { createOpenAIProvider } from '../../src/providers/openai/openai-provider.ts';

export const providerNames = ['openai', 'anthropic', 'gemini'] as const;
/** Also the one compatible server whose batches are not like OpenAI's. */
export const allProviderNames = [...providerNames, 'xai'] as const;
export type ProviderName = (typeof allProviderNames)[number];

/** What of a provider the faults are aimed at. */
interface Route {
  method: string;
  path: string;
}

/** What the tests that are the same for every provider must know of it. */
export interface ProviderUnderTest {
  name: ProviderName;
  model: string;
  /** Absent `upload`: the create itself carries the requests. */
  routes: Record<'create' | 'list' | 'poll' | 'download' | 'cancel' | 'call', Route> & { upload?: Route };
  /** Results that the provider has when a batch expired half way. */
  keepsExpired: boolean;
  /** Rows can be put in another file, or fail as lines of their own, at this provider alone. */
  hasErrorFile: boolean;
  /** Results are lines, of which one may be broken by itself; else pages, which are broken as a whole. */
  hasLines: boolean;
  create(options: ProviderUnderTestOptions): Provider;
}

export interface ProviderUnderTestOptions {
  url: string;
  key?: string | undefined;
  limits?: Partial<BatchLimits>;
  /** How long an answer may take. */
  replyMs?: number | undefined;
  simulated?: boolean;
}

const testKey = 'sk-test-0123456789abcdef';

const openai: ProviderUnderTest = {
  name: 'openai',
  model: 'gpt-5-mini',
  routes: {
    upload: { method: 'POST', path: '/v1/files' },
    create: { method: 'POST', path: '/v1/batches' },
    list: { method: 'GET', path: '/v1/batches' },
    poll: { method: 'GET', path: '/v1/batches/*' },
    download: { method: 'GET', path: '/v1/files/*/content' },
    cancel: { method: 'POST', path: '/v1/batches/*/cancel' },
    call: { method: 'POST', path: '/v1/chat/completions' },
  },
  keepsExpired: true,
  hasErrorFile: true,
  hasLines: true,
  create: ({ url, key = testKey, limits, replyMs, simulated = false }) =>
    createOpenAIProvider({
      baseUrl: `${url}/v1`,
      apiKey: key,
      simulated,
      ...(limits ? { limits } : {}),
      ...(replyMs === undefined ? {} : { timeouts: { replyMs } }),
    }),
};

const anthropic: ProviderUnderTest = {
  name: 'anthropic',
  model: 'claude-haiku-4-5',
  routes: {
    create: { method: 'POST', path: '/v1/messages/batches' },
    list: { method: 'GET', path: '/v1/messages/batches' },
    poll: { method: 'GET', path: '/v1/messages/batches/*' },
    download: { method: 'GET', path: '/v1/messages/batches/*/results' },
    cancel: { method: 'POST', path: '/v1/messages/batches/*/cancel' },
    call: { method: 'POST', path: '/v1/messages' },
  },
  keepsExpired: true,
  hasErrorFile: false,
  hasLines: true,
  create: ({ url, key = testKey, limits, replyMs, simulated = false }) =>
    createAnthropicProvider({
      baseUrl: url,
      apiKey: key,
      simulated,
      ...(limits ? { limits } : {}),
      ...(replyMs === undefined ? {} : { timeouts: { replyMs, createReplyMs: replyMs } }),
    }),
};

const gemini: ProviderUnderTest = {
  name: 'gemini',
  model: 'gemini-2.5-flash',
  routes: {
    upload: { method: 'POST', path: '/upload/v1beta/files' },
    create: { method: 'POST', path: '/v1beta/models/*:batchGenerateContent' },
    list: { method: 'GET', path: '/v1beta/batches' },
    poll: { method: 'GET', path: '/v1beta/batches/*' },
    download: { method: 'GET', path: '/download/v1beta/files/*:download' },
    cancel: { method: 'POST', path: '/v1beta/batches/*:cancel' },
    call: { method: 'POST', path: '/v1beta/models/*:generateContent' },
  },
  keepsExpired: false,
  hasErrorFile: false,
  hasLines: true,
  create: ({ url, key = testKey, limits, replyMs, simulated = false }) =>
    createGeminiProvider({
      baseUrl: url,
      apiKey: key,
      simulated,
      ...(limits ? { limits } : {}),
      ...(replyMs === undefined ? {} : { timeouts: { replyMs } }),
    }),
};

const xai: ProviderUnderTest = {
  name: 'xai',
  model: 'grok-4.3',
  routes: {
    upload: { method: 'POST', path: '/xai/v1/files' },
    create: { method: 'POST', path: '/xai/v1/batches' },
    list: { method: 'GET', path: '/xai/v1/batches' },
    poll: { method: 'GET', path: '/xai/v1/batches/*' },
    download: { method: 'GET', path: '/xai/v1/batches/*/results' },
    cancel: { method: 'POST', path: '/xai/v1/batches/*:cancel' },
    call: { method: 'POST', path: '/xai/v1/chat/completions' },
  },
  keepsExpired: true,
  hasErrorFile: false,
  hasLines: false,
  create: ({ url, key = testKey, limits, replyMs, simulated = false }) =>
    createCompatibleProvider({
      profile: 'xai',
      baseUrl: `${url}/xai/v1`,
      apiKey: key,
      simulated,
      limits: { cancelSettlesMs: 200, ...limits },
      ...(replyMs === undefined ? {} : { timeouts: { replyMs } }),
    }),
};

const all: Readonly<Record<ProviderName, ProviderUnderTest>> = { openai, anthropic, gemini, xai };

export function providerUnderTest(name: ProviderName): ProviderUnderTest {
  return all[name];
}
