import { randomBase62 } from '../random.ts';
import { jsonReply, type Reply } from '../reply.ts';

/** What is wrong, in Anthropic's words (contract section 2.7). */
export interface Problem {
  type: string;
  message: string;
}

const TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export function errorTypeOf(status: number): string {
  return TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

export function isErrorType(text: string): boolean {
  return Object.values(TYPES).includes(text);
}

export function statusOf(problem: Problem): number {
  const found = Object.entries(TYPES).find(([, type]) => type === problem.type);
  return found === undefined ? 400 : Number(found[0]);
}

export function invalid(message: string): Problem {
  return { type: 'invalid_request_error', message };
}

export function errorReply(
  status: number,
  message: string,
  more: { type?: string; details?: Record<string, string>; headers?: Record<string, string> } = {},
): Reply {
  const requestId = newRequestId();
  const { type = errorTypeOf(status), details, headers } = more;
  const error = { type, message, ...(details === undefined ? {} : { details }) };
  return jsonReply(status, { type: 'error', error, request_id: requestId }, { 'request-id': requestId, ...headers });
}

export function newRequestId(): string {
  return `req_01${randomBase62(22)}`;
}
