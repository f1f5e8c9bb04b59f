import { createHash } from 'node:crypto';
import { OffpeakError } from '../../errors.ts';
import type { BatchLimits, Provider } from '../../provider.ts';
import { createSendHttp } from '../send-http.ts';
import { type ChatEndpoint, convertToOpenAIRequest } from './convert-to-openai-request.ts';
import { createOpenAIBatch } from './openai-batch.ts';
import { callOpenAI, checkOpenAI } from './openai-call.ts';
import { createConnection, type OpenAITimeouts } from './openai-client.ts';

export interface OpenAIProviderOptions {
  /** Needed at api.openai.com; without one, no key is sent. */
  apiKey?: string | undefined;
  /** Default `https://api.openai.com/v1`; vLLM, LM Studio and other compatible servers have their own. */
  baseUrl?: string;
  organization?: string;
  project?: string;
  simulated?: boolean;
  /** Stands for the address in the account's fingerprint, for a server whose port changes with every start. */
  scope?: string;
  /** Default true; false for a compatible server without `/files` and `/batches`. */
  batchApi?: boolean | undefined;
  /** What chat requests are sent to; default `chat`, which compatible servers understand too. */
  chatEndpoint?: ChatEndpoint;
  limits?: Partial<BatchLimits>;
  timeouts?: Partial<OpenAITimeouts>;
  /** Default: Node's own HTTP client. */
  fetch?: typeof globalThis.fetch;
  /** Default `openai`. */
  name?: string;
}

/** https://developers.openai.com/api/docs/guides/batch: 50,000 requests, 200 MB, read as the smaller, decimal MB. */
const defaultLimits: BatchLimits = {
  maxRequests: 50_000,
  maxBytes: 200_000_000,
  pollMinMs: 2000,
  pollMaxMs: 60_000,
  absentListings: 3,
  absentGraceMs: 120_000,
};

const defaultTimeouts: OpenAITimeouts = { idleMs: 60_000, replyMs: 120_000 };

/**
 * OpenAI, or any server that speaks its API.
 * @example createOpenAIProvider({ apiKey: process.env.OPENAI_API_KEY })
 * @example createOpenAIProvider({ name: 'vllm', baseUrl: 'http://gpu:8000/v1', batchApi: false })
 */
export function createOpenAIProvider(options: OpenAIProviderOptions = {}): Provider {
  const name = options.name ?? 'openai';
  const baseUrl = normaliseBaseUrl(options.baseUrl ?? 'https://api.openai.com/v1');
  const apiKey = options.apiKey?.trim() || undefined;
  const account = fingerprint(name, [options.scope ?? baseUrl, apiKey, options.organization, options.project]);
  const connection = createConnection({
    name,
    account,
    baseUrl,
    apiKey,
    organization: options.organization,
    project: options.project,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    send: createSendHttp(options.fetch),
  });
  const chatEndpoint = options.chatEndpoint ?? 'chat';
  const provider: Provider = {
    name,
    account,
    simulated: options.simulated ?? false,
    toWire: (request) => convertToOpenAIRequest(request, chatEndpoint),
    call: (wire, callOptions) => callOpenAI(connection, wire, callOptions),
    check: (signal) => checkOpenAI(connection, signal),
  };
  if (options.batchApi === false) return provider;
  return { ...provider, batch: createOpenAIBatch(connection, { ...defaultLimits, ...options.limits }) };
}

/** Two spellings of one address are one account. */
function normaliseBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new OffpeakError('the base URL of an OpenAI API must be such as https://api.openai.com/v1', {
      code: 'config',
    });
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new OffpeakError('the base URL must hold no user, password or query', { code: 'config' });
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** All that decides which batches the provider shows: a listing of another project proves nothing about ours. */
function fingerprint(name: string, parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256')
    .update(parts.map((part) => part ?? '').join('\n'))
    .digest('hex');
  return `${name}:${hash.slice(0, 16)}`;
}
