import { createHash } from 'node:crypto';
import { OffpeakError } from '../errors.ts';
import type { BatchLimits } from '../provider.ts';
import type { SendHttp } from './send-http.ts';

/** Where and as whom: everything that the parts of an adapter share. */
export interface ProviderConnection {
  name: string;
  /** Fingerprint of the account. */
  account: string;
  /** Without a slash at its end. */
  baseUrl: string;
  timeouts: TransferTimeouts;
  send: SendHttp;
  redact: (words: string) => string;
  /** The headers of every request; throws `auth` when the provider itself is meant and there is no key. */
  headers(): Record<string, string>;
}

export interface TransferTimeouts {
  /** Longest standstill of an upload or download. */
  idleMs: number;
  /** Longest wait for the answer once the request is sent. */
  replyMs: number;
}

export const defaultTimeouts: TransferTimeouts = { idleMs: 60_000, replyMs: 120_000 };

/** What every adapter of a provider with accounts can be told. */
export interface ProviderOptions<Timeouts extends TransferTimeouts = TransferTimeouts> {
  /** Needed at the provider itself; without one, no key is sent. */
  apiKey?: string | undefined;
  simulated?: boolean;
  /** Stands for the address in the account's fingerprint, for a server whose port changes with every start. */
  scope?: string;
  /** Default true; false for a server that lacks the paths of the batch API. */
  batchApi?: boolean | undefined;
  limits?: Partial<BatchLimits>;
  timeouts?: Partial<Timeouts>;
  /** Default: Node's own HTTP client. */
  fetch?: typeof globalThis.fetch;
}

/**
 * Two spellings of one address are one account.
 * @throws OffpeakError `config`; `api` and `example` say what was meant: `an OpenAI API`, `https://api.openai.com/v1`
 */
export function normaliseBaseUrl(text: string, api: string, example: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new OffpeakError(`the base URL of ${api} must be such as ${example}`, { code: 'config' });
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new OffpeakError('the base URL must hold no user, password or query', { code: 'config' });
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Of all that decides which batches the provider shows: a listing of another account proves nothing about ours. */
export function accountFingerprint(name: string, parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256')
    .update(parts.map((part) => part ?? '').join('\n'))
    .digest('hex');
  return `${name}:${hash.slice(0, 16)}`;
}

/** @throws OffpeakError `auth` for a key that is missing, or that cannot be one; `variable` is the environment's */
export function checkApiKey(name: string, apiKey: string | undefined, variable: string, isNeeded: boolean): void {
  if (!apiKey && isNeeded) throw new OffpeakError(`${name}: no API key; set ${variable}`, { code: 'auth' });
  // Checked here, because Node's fetch would quote the whole header in its error.
  if (apiKey && /[^\x21-\x7e]/.test(apiKey)) {
    const words = 'the API key holds a space, a line break or another character that no key has';
    throw new OffpeakError(`${name}: ${words}`, { code: 'auth' });
  }
}
