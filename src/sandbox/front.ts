import type { IncomingHttpHeaders } from 'node:http';
import type { BatchDialect } from './batches/dialect.ts';
import type { CallRequest, Route } from './call.ts';
import type { Reply } from './reply.ts';

/** One call as far as it is known before its body is read. */
export interface CallHead {
  method: string;
  /** Without a slash at the end. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
}

/**
 * What stands behind one provider's part of the address space: the server asks the fronts in turn who owns a call, and
 * that one decides about keys, routes and the shape of errors.
 */
export interface Front {
  /** As in records and in the ledger. */
  provider: string;
  owns(head: CallHead): boolean;
  /** The account behind the key, or the refusal. */
  authenticate(head: CallHead): { account: string } | { refusal: Reply };
  /** Errors made by the server itself: unknown paths, broken bodies, faults without a body of their own, defects. */
  errorReply(status: number, message: string): Reply;
  /** Added to every reply, also to those of faults. */
  headers(): Record<string, string>;
  /** Whether the call is one that creates a batch, for the ledger. */
  isCreate(head: CallHead): boolean;
  routes: readonly Route[];
  dialect?: BatchDialect;
}

/** A body that arrives as a stream and must not be held in memory, even to keep a call waiting. */
export function isUpload(request: CallRequest, path: string): boolean {
  return path.startsWith('/upload/') || (request.headers['content-type']?.startsWith('multipart/') ?? false);
}
