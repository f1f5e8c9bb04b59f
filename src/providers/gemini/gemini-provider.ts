import type { BatchLimits, Provider } from '../../provider.ts';
import { accountFingerprint, defaultTimeouts, normaliseBaseUrl, type ProviderOptions } from '../provider-connection.ts';
import { createSendHttp } from '../send-http.ts';
import { askGeminiAgain, convertToGeminiRequest } from './convert-to-gemini-request.ts';
import { createGeminiBatch } from './gemini-batch.ts';
import { callGemini, checkGemini } from './gemini-call.ts';
import { createConnection } from './gemini-connection.ts';

export interface GeminiProviderOptions extends ProviderOptions {
  /** Default `https://generativelanguage.googleapis.com`; the version is no part of it. */
  baseUrl?: string;
  /** Default `gemini`. */
  name?: string;
}

/**
 * https://ai.google.dev/gemini-api/docs/batch-api: a file of 2 GB, read as the smaller, decimal GB. No number of requests
 * is documented: 200,000 is ours, so that a batch that fails as a whole takes no more than that with it. Room for enqueued
 * tokens is counted for each model and differs by tier, so it is learned from refusals.
 */
const defaultLimits: BatchLimits = {
  maxRequests: 200_000,
  maxBytes: 2_000_000_000,
  enqueued: { unit: 'tokens', scope: 'model' },
  pollMinMs: 5000,
  pollMaxMs: 60_000,
  absentListings: 3,
  absentGraceMs: 120_000,
};

const usualAddress = 'https://generativelanguage.googleapis.com';

/**
 * The Gemini Developer API. By its REST interface alone: Google's client drops a batch's error and counts, and can only
 * upload from and download to a path.
 * @example createGeminiProvider({ apiKey: process.env.GEMINI_API_KEY })
 */
export function createGeminiProvider(options: GeminiProviderOptions = {}): Provider {
  const name = options.name ?? 'gemini';
  const given = normaliseBaseUrl(options.baseUrl ?? usualAddress, 'a Gemini API', usualAddress);
  // Many write the version behind it, which stands in our paths.
  const baseUrl = given.replace(/\/v1beta$/, '');
  const apiKey = options.apiKey?.trim() || undefined;
  const account = accountFingerprint(name, [options.scope ?? baseUrl, apiKey]);
  const connection = createConnection({
    name,
    account,
    baseUrl,
    apiKey,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    send: createSendHttp(options.fetch),
  });
  const provider: Provider = {
    name,
    account,
    simulated: options.simulated ?? false,
    toWire: convertToGeminiRequest,
    askAgain: askGeminiAgain,
    call: (wire, callOptions) => callGemini(connection, wire, callOptions),
    check: (signal) => checkGemini(connection, signal),
  };
  if (options.batchApi === false) return provider;
  return { ...provider, batch: createGeminiBatch(connection, { ...defaultLimits, ...options.limits }) };
}
