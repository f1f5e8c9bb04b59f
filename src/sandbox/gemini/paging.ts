import type { Call } from '../call.ts';
import type { Reply } from '../reply.ts';
import { badRequest } from './errors.ts';

export interface Page {
  size: number;
  /** The last item of the page before. */
  after: string | undefined;
}

/** Reads `pageSize` and `pageToken`. More than the largest page means the largest page, as everywhere at Google. */
export function readPage(call: Call, standard: number, most: number): Page | { refusal: Reply } {
  const size = Number(call.query.get('pageSize') ?? call.query.get('page_size') ?? standard);
  if (!Number.isInteger(size) || size < 0) {
    return { refusal: badRequest('* ListRequest.page_size: page_size must not be negative.\n') };
  }
  const token = call.query.get('pageToken') ?? call.query.get('page_token') ?? '';
  const after = token === '' ? undefined : Buffer.from(token, 'base64url').toString('utf8');
  if (after !== undefined && pageToken(after) !== token) return { refusal: badPageToken() };
  return { size: size === 0 ? standard : Math.min(size, most), after };
}

export function pageToken(last: string): string {
  return Buffer.from(last).toString('base64url');
}

export function badPageToken(): Reply {
  return badRequest('Page token is not valid.');
}
