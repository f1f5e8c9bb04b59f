import { STATUS_CODES } from 'node:http';
import { type ErrorCode, isOffpeakError } from '../errors.ts';
import type { Problem } from '../service/contract/words.ts';

/** Every refusal is an RFC 9457 document; which status a kind of error has stands in one table here. */

export const problemType = 'application/problem+json';

export interface ProblemOptions {
  /** Names the kind for programs: `not_found`, `too_many_requests` ... */
  code: string;
  /** What happened, to what, what to do next. No secret, no prompt. */
  detail: string;
  errors?: readonly FieldError[];
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

export interface FieldError {
  field: string;
  message: string;
}

/** Thrown by a route to refuse with a status of its own. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, options: ProblemOptions) {
    super(options.detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HttpProblem';
    this.status = status;
    this.code = options.code;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }
}

/** `Retry-After` in seconds where trying again helps without a change. */
const statuses: Readonly<Record<ErrorCode, readonly [status: number, retryAfter?: number]>> = {
  usage: [400],
  config: [500],
  not_found: [404],
  conflict: [409],
  store_locked: [503, 2],
  store_full: [503, 60],
  store_corrupt: [500],
  store_failed: [500],
  store_closed: [500],
  auth: [502],
  quota: [502],
  rate_limited: [503, 30],
  no_room: [503, 60],
  unavailable: [502, 30],
  batch_unavailable: [502],
  not_ready: [503, 2],
  rejected: [502],
  outcome_unknown: [502],
  bad_answer: [502],
  aborted: [503, 2],
  internal: [500],
};

/** The words of HTTP for errors that Fastify finds by itself. */
const codesByStatus: Readonly<Record<number, string>> = {
  400: 'bad_request',
  404: 'not_found',
  408: 'too_slow',
  413: 'too_large',
  414: 'too_large',
  415: 'unsupported_media_type',
  431: 'too_large',
};

/** Where Fastify's words do not say what to do. */
const remedies: Readonly<Record<number, string>> = {
  415: 'The body must be JSON, and the request say so: content-type: application/json.',
};

/** Turns whatever was thrown into what is answered; an error nobody expected becomes a 500 that tells nothing. */
export function problemOf(error: unknown, requestId: string): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (isOffpeakError(error)) {
    const [status, retryAfter] = statuses[error.code];
    const seconds = error.retryAfterMs === undefined ? retryAfter : Math.max(1, Math.ceil(error.retryAfterMs / 1000));
    return new HttpProblem(status, {
      code: error.code,
      detail: error.message,
      headers: seconds === undefined ? {} : { 'retry-after': String(seconds) },
      cause: error,
    });
  }
  const status = statusOf(error);
  if (status !== undefined) {
    return new HttpProblem(status, {
      code: codesByStatus[status] ?? 'refused',
      detail: remedies[status] ?? (error instanceof Error ? error.message : 'Refused.'),
      cause: error,
    });
  }
  return new HttpProblem(500, {
    code: 'internal',
    detail: `Something went wrong inside; the server's log tells it under request ${requestId}.`,
    cause: error,
  });
}

/** 400 that names each field. */
export function invalid(errors: readonly FieldError[]): HttpProblem {
  const shown = errors
    .slice(0, 3)
    .map(({ field, message }) => `${field}: ${message}`)
    .join('; ');
  const more = errors.length > 3 ? `; and ${errors.length - 3} more` : '';
  return new HttpProblem(400, { code: 'invalid', detail: `The request is not valid: ${shown}${more}.`, errors });
}

export function notFound(detail: string): HttpProblem {
  return new HttpProblem(404, { code: 'not_found', detail });
}

export function conflict(code: string, detail: string): HttpProblem {
  return new HttpProblem(409, { code, detail });
}

export function tooMany(detail: string, waitMs: number): HttpProblem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new HttpProblem(429, {
    code: 'too_many_requests',
    detail: `${detail} Try again in ${seconds} s.`,
    headers: { 'retry-after': String(seconds) },
  });
}

/** The document. `path` without its query: queries may carry what nobody should log. */
export function problemDocument(problem: HttpProblem, path?: string): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    ...(path === undefined ? {} : { instance: path }),
    code: problem.code,
    ...(problem.errors === undefined ? {} : { errors: [...problem.errors] }),
  };
}

/** The path of a request line, without query, cut. */
export function pathOf(url: string | undefined): string {
  const text = url ?? '/';
  const query = text.indexOf('?');
  return (query < 0 ? text : text.slice(0, query)).slice(0, 500);
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined;
  return error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : undefined;
}

interface Issue {
  code?: string;
  path?: readonly PropertyKey[];
  message?: string;
  keys?: readonly string[];
}

const shownErrors = 20;

/** From zod's issues; an unknown field is named by its own name, the whole body is `body`. */
export function fieldErrors(issues: readonly Issue[]): FieldError[] {
  return issues
    .flatMap((issue) => {
      const path = (issue.path ?? []).map(String);
      const message = issue.message ?? 'is not valid';
      if (issue.code !== 'unrecognized_keys' || !issue.keys) return [{ field: path.join('.') || 'body', message }];
      return issue.keys.map((key) => ({ field: [...path, key].join('.').slice(0, 200), message: 'unknown field' }));
    })
    .slice(0, shownErrors);
}
