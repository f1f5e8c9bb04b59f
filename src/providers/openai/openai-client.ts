import type OpenAI from 'openai';
import { OffpeakError } from '../../errors.ts';
import { createRedact } from '../redact.ts';
import { readText, type SendHttp } from '../send-http.ts';

/** Where and as whom: everything that the parts of the adapter share. */
export interface OpenAIConnection {
  name: string;
  /** Fingerprint of the account. */
  account: string;
  /** Without a slash at its end. */
  baseUrl: string;
  timeouts: OpenAITimeouts;
  send: SendHttp;
  redact: (words: string) => string;
  /** The headers of every request; throws `auth` when OpenAI itself is meant and there is no key. */
  headers(): Record<string, string>;
  /** The SDK, loaded at first use: importing it costs more than the whole start of the command. */
  client(): Promise<OpenAI>;
}

export interface OpenAITimeouts {
  /** Longest standstill of an upload or download. */
  idleMs: number;
  /** Longest wait for the answer once the request is sent. */
  replyMs: number;
}

export interface ConnectionOptions {
  name: string;
  account: string;
  baseUrl: string;
  apiKey: string | undefined;
  organization: string | undefined;
  project: string | undefined;
  timeouts: OpenAITimeouts;
  send: SendHttp;
}

/** A control answer is a page of 100 batches at most. */
const longestControlAnswer = 16 * 1024 * 1024;

export function createConnection(options: ConnectionOptions): OpenAIConnection {
  const { name, account, baseUrl, apiKey, timeouts, send } = options;
  let client: Promise<OpenAI> | undefined;
  const headers = (): Record<string, string> => {
    if (!apiKey && new URL(baseUrl).hostname === 'api.openai.com') {
      throw new OffpeakError(`${name}: no API key; set OPENAI_API_KEY`, { code: 'auth' });
    }
    // Checked here, because Node's fetch would quote the whole header in its error.
    if (apiKey && /[^\x21-\x7e]/.test(apiKey)) {
      throw new OffpeakError(`${name}: the API key holds a space, a line break or another character that no key has`, {
        code: 'auth',
      });
    }
    const sent: Record<string, string> = { 'user-agent': 'offpeak' };
    if (apiKey) sent.authorization = `Bearer ${apiKey}`;
    if (options.organization) sent['openai-organization'] = options.organization;
    if (options.project) sent['openai-project'] = options.project;
    return sent;
  };
  return {
    name,
    account,
    baseUrl,
    timeouts,
    send,
    redact: createRedact(apiKey),
    headers,
    async client() {
      headers();
      client ??= loadClient(baseUrl, timeouts.replyMs, createSdkFetch(send, headers));
      return client;
    },
  };
}

async function loadClient(baseUrl: string, timeoutMs: number, fetch: typeof globalThis.fetch): Promise<OpenAI> {
  const { OpenAI } = await import('openai');
  return new OpenAI({
    // Everything is given, else the SDK takes it from the environment, where it may belong to another host.
    apiKey: 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: baseUrl,
    logLevel: 'off',
    // The engine repeats, and it alone knows what was booked: a create that the SDK repeats is a batch paid twice.
    maxRetries: 0,
    timeout: timeoutMs,
    fetch,
    fetchOptions: { redirect: 'error' },
  });
}

/**
 * The SDK over our own transport. Only our headers go out: the SDK would add OPENAI_CUSTOM_HEADERS of the environment.
 * The answer is read to its end here, so that the SDK's time-out covers its body too, not only its head.
 */
function createSdkFetch(send: SendHttp, headers: () => Record<string, string>): typeof globalThis.fetch {
  return async (input, init) => {
    const body = typeof init?.body === 'string' ? init.body : undefined;
    const answer = await send({
      method: init?.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      url: input instanceof Request ? input.url : String(input),
      headers: body === undefined ? headers() : { ...headers(), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      ...(init?.signal ? { signal: init.signal } : {}),
    });
    const text = await readText(answer, longestControlAnswer);
    const kept = new Headers();
    for (const name of answerHeaders) {
      const value = answer.header(name);
      if (value !== undefined) kept.set(name, value);
    }
    const bodyless = answer.status === 204 || answer.status === 304;
    return new Response(bodyless ? null : text, { status: answer.status, headers: kept });
  };
}

const answerHeaders = [
  'content-type',
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  ...['requests', 'tokens'].flatMap((kind) => [`x-ratelimit-reset-${kind}`, `x-ratelimit-remaining-${kind}`]),
];
