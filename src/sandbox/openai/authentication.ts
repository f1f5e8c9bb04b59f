import { hash } from 'node:crypto';
import type { CallHead } from '../front.ts';
import type { Reply } from '../reply.ts';
import { errorReply, invalidRequest } from './errors.ts';

/** The account behind the key (its hash: files and batches belong to it), or the refusal. */
export function authenticate(request: Pick<CallHead, 'headers'>): { account: string } | { refusal: Reply } {
  const key = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined) {
    const message =
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    return { refusal: errorReply(401, invalidRequest(message)) };
  }
  if (key.startsWith('sk-invalid')) {
    const message = `Incorrect API key provided: ${mask(key)}.`;
    return { refusal: errorReply(401, invalidRequest(message, null, 'invalid_api_key')) };
  }
  return { account: hash('sha256', key, 'hex') };
}

function mask(key: string): string {
  const end = key.length > 12 ? key.slice(-4) : '';
  return `${key.slice(0, 3)}${'*'.repeat(Math.max(4, key.length - 3 - end.length))}${end}`;
}
