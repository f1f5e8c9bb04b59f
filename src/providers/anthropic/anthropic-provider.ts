import type { BatchLimits, Provider } from '../../provider.ts';
import { accountFingerprint, defaultTimeouts, normaliseBaseUrl, type ProviderOptions } from '../provider-connection.ts';
import { createSendHttp } from '../send-http.ts';
import { createAnthropicBatch } from './anthropic-batch.ts';
import { callAnthropic, checkAnthropic } from './anthropic-call.ts';
import { type AnthropicTimeouts, createConnection } from './anthropic-connection.ts';
import { envelopeBytes } from './anthropic-create.ts';
import { askAgain } from './ask-again.ts';
import { convertToAnthropicRequest } from './convert-to-anthropic-request.ts';

export interface AnthropicProviderOptions extends ProviderOptions<AnthropicTimeouts> {
  /** Default `https://api.anthropic.com`; a `/v1` at its end is left out. */
  baseUrl?: string;
  /** For keys that reach several workspaces: whose batches are meant. */
  workspace?: string;
  /** Default `anthropic`. */
  name?: string;
}

/**
 * https://platform.claude.com/docs/en/build-with-claude/batch-processing: 100,000 requests or 256 MB, read as the
 * smaller, decimal MB. Polls share a limit of some 1,000 a minute with all other calls about batches, and nothing is to
 * be seen before the whole batch has ended. How many rows may be enqueued depends on the account.
 */
const defaultLimits: BatchLimits = {
  maxRequests: 100_000,
  maxBytes: 256_000_000 - envelopeBytes,
  enqueued: { unit: 'requests', scope: 'account' },
  pollMinMs: 10_000,
  pollMaxMs: 60_000,
  absentListings: 3,
  absentGraceMs: 120_000,
};

const createReplyMs = 600_000;
const usualAddress = 'https://api.anthropic.com';

/**
 * Anthropic's Messages and Message Batches.
 * @example createAnthropicProvider({ apiKey: process.env.ANTHROPIC_API_KEY })
 */
export function createAnthropicProvider(options: AnthropicProviderOptions = {}): Provider {
  const name = options.name ?? 'anthropic';
  const given = normaliseBaseUrl(options.baseUrl ?? usualAddress, 'an Anthropic API', usualAddress);
  const baseUrl = given.replace(/\/v1$/, '');
  const apiKey = options.apiKey?.trim() || undefined;
  const workspace = options.workspace?.trim() || undefined;
  const account = accountFingerprint(name, [options.scope ?? baseUrl, apiKey, workspace]);
  const connection = createConnection({
    name,
    account,
    baseUrl,
    apiKey,
    workspace,
    timeouts: { ...defaultTimeouts, createReplyMs, ...options.timeouts },
    send: createSendHttp(options.fetch),
  });
  const provider: Provider = {
    name,
    account,
    simulated: options.simulated ?? false,
    toWire: convertToAnthropicRequest,
    askAgain,
    call: (wire, callOptions) => callAnthropic(connection, wire, callOptions),
    check: (signal) => checkAnthropic(connection, signal),
  };
  if (options.batchApi === false) return provider;
  return { ...provider, batch: createAnthropicBatch(connection, { ...defaultLimits, ...options.limits }) };
}
