import { hash } from 'node:crypto';
import type { CallHead } from '../front.ts';
import type { Reply } from '../reply.ts';
import { geminiError, refuse } from './errors.ts';

const DOMAIN = 'generativelanguage.googleapis.com';

/** The account behind `x-goog-api-key` or `?key=`, or the refusal. Keys with "invalid" at their beginning are unknown. */
export function authenticate({ path, query, headers }: CallHead): { account: string } | { refusal: Reply } {
  const header = headers['x-goog-api-key'];
  const key = (typeof header === 'string' ? header : query.get('key')) ?? '';
  // The address of an upload is its own key: clients send chunks without one.
  if (key === '' && path.startsWith('/upload/') && query.has('upload_id')) return { account: '' };
  if (key === '') {
    const message =
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
    return { refusal: refuse(geminiError(403, message)) };
  }
  if (/^(?:sk-|AIza)?-?invalid/i.test(key)) {
    const reason = {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
      metadata: { service: DOMAIN },
    };
    return { refusal: refuse(geminiError(400, 'API key not valid. Please pass a valid API key.', [reason])) };
  }
  return { account: `gemini:${hash('sha256', key, 'hex')}` };
}
