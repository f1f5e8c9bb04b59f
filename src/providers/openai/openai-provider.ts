import type { Provider } from '../../provider.ts';
import { openaiProfile } from '../openai-profile.ts';
import { accountFingerprint, defaultTimeouts, normaliseBaseUrl, type ProviderOptions } from '../provider-connection.ts';
import { createSendHttp } from '../send-http.ts';
import type { ServerProfile } from '../server-profile.ts';
import { askAgain } from './ask-again.ts';
import { type ChatEndpoint, convertToOpenAIRequest } from './convert-to-openai-request.ts';
import { createOpenAIBatch } from './openai-batch.ts';
import { callOpenAI, checkOpenAI } from './openai-call.ts';
import { createConnection } from './openai-client.ts';
import { checkedWindow } from './openai-create.ts';

export interface OpenAIProviderOptions extends ProviderOptions {
  /** Default that of the profile, `https://api.openai.com/v1`; vLLM, LM Studio and others have their own. */
  baseUrl?: string;
  organization?: string;
  project?: string;
  /** What chat requests are sent to; default `chat`, which compatible servers understand too. */
  chatEndpoint?: ChatEndpoint;
  /** How long the provider may take for a batch: `24h`, or what the profile offers. */
  completionWindow?: string;
  /** Default that of the profile, `openai`. */
  name?: string;
  /** How the server differs from OpenAI; default not at all. */
  profile?: ServerProfile;
  /** The time, in milliseconds; default that of the machine. */
  now?: () => number;
}

/**
 * OpenAI, or any server that speaks its API.
 * @example createOpenAIProvider({ apiKey: process.env.OPENAI_API_KEY })
 * @example createOpenAIProvider({ name: 'vllm', baseUrl: 'http://gpu:8000/v1', batchApi: false })
 */
export function createOpenAIProvider(options: OpenAIProviderOptions = {}): Provider {
  const profile = options.profile ?? openaiProfile;
  const name = options.name ?? profile.name;
  const given = options.baseUrl ?? profile.baseUrl;
  const baseUrl = given === undefined ? '' : normaliseBaseUrl(given, 'an OpenAI API', 'https://api.openai.com/v1');
  const apiKey = options.apiKey?.trim() || undefined;
  const account = accountFingerprint(name, [options.scope ?? baseUrl, apiKey, options.organization, options.project]);
  const connection = createConnection({
    name,
    account,
    baseUrl,
    profile,
    apiKey,
    organization: options.organization,
    project: options.project,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    send: createSendHttp(options.fetch),
  });
  const style = { chatEndpoint: options.chatEndpoint ?? 'chat', maxTokensField: profile.maxTokensField };
  const provider: Provider = {
    name,
    account,
    simulated: options.simulated ?? false,
    toWire: (request) => convertToOpenAIRequest(request, style),
    askAgain,
    call: (wire, callOptions) => callOpenAI(connection, wire, callOptions),
    check: (signal) => checkOpenAI(connection, signal),
  };
  const { batch } = profile;
  if (options.batchApi === false || !batch) return provider;
  const limits = { ...batch.limits, ...options.limits };
  const window = checkedWindow(name, batch.create.window, options.completionWindow);
  const now = options.now ?? Date.now;
  return { ...provider, batch: createOpenAIBatch(connection, batch, { limits, window, now }) };
}
