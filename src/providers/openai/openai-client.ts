import type OpenAI from 'openai';
import { OffpeakError } from '../../errors.ts';
import { checkApiKey, type ProviderConnection } from '../provider-connection.ts';
import { createRedact } from '../redact.ts';
import { readText, type SendHttp } from '../send-http.ts';
import type { ServerProfile } from '../server-profile.ts';

export interface OpenAIConnection extends ProviderConnection {
  /** Empty: none is known, and every request throws. */
  baseUrl: string;
  /** The SDK, loaded at first use: importing it costs more than the whole start of the command. */
  client(): Promise<OpenAI>;
}

export type OpenAIConnectionOptions = Pick<OpenAIConnection, 'name' | 'account' | 'baseUrl' | 'timeouts' | 'send'> & {
  profile: ServerProfile;
  apiKey: string | undefined;
  organization: string | undefined;
  project: string | undefined;
};

/** A control answer is a page of 100 batches at most. */
const longestControlAnswer = 16 * 1024 * 1024;

export function createConnection(options: OpenAIConnectionOptions): OpenAIConnection {
  const { name, account, baseUrl, profile, apiKey, timeouts, send } = options;
  let client: Promise<OpenAI> | undefined;
  const headers = (): Record<string, string> => {
    if (baseUrl === '') {
      const words = `${name}: no base URL, and each account at ${profile.title} has its own; set providers.${name}.base_url`;
      throw new OffpeakError(words, { code: 'auth' });
    }
    checkApiKey(name, apiKey, profile.keyVariable, needsKey(baseUrl, profile));
    const sent: Record<string, string> = { 'user-agent': 'offpeak' };
    if (apiKey) sent[profile.keyHeader] = profile.keyHeader === 'authorization' ? `Bearer ${apiKey}` : apiKey;
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

/** A server of one's own may do without; the provider itself does not. */
function needsKey(baseUrl: string, { baseUrl: usual }: ServerProfile): boolean {
  return usual === undefined || new URL(baseUrl).hostname === new URL(usual).hostname;
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
