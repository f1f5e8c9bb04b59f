import type { Call } from '../../call.ts';
import type { Reply } from '../../reply.ts';
import { xaiError } from './errors.ts';

export interface Page {
  limit: number;
  /** The last item of the page before. */
  after: string | undefined;
}

/** For results 1000 is documented. The rest is unconfirmed: the standard, the same for lists, and that more is refused. */
const STANDARD_LIMIT = 100;
const MAX_LIMIT = 1000;

/** Reads `limit` and `pagination_token`. */
export function readPage(call: Call): Page | { refusal: Reply } {
  const limit = Number(call.query.get('limit') ?? STANDARD_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return { refusal: xaiError(400, `limit must be a whole number from 1 to ${MAX_LIMIT}.`) };
  }
  const token = call.query.get('pagination_token') ?? '';
  if (token === '') return { limit, after: undefined };
  const after = Buffer.from(token, 'base64url').toString('utf8');
  return pageToken(after) === token ? { limit, after } : { refusal: badPageToken() };
}

export function pageToken(last: string): string {
  return Buffer.from(last).toString('base64url');
}

export function badPageToken(): Reply {
  return xaiError(400, 'The pagination_token is not valid.');
}
