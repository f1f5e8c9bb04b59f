import type { Problem } from '../../src/service/contract/words.ts';
import { encodePart } from './router.ts';
import { session, signOut } from './session.ts';

/** Everything the page knows comes through here: the REST API of the server that gave out the page. */

export interface ApiError {
  isApiError: true;
  problem: Problem;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PUT';
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  idempotencyKey?: string;
  headers?: Readonly<Record<string, string>>;
}

/** Resolves with a 2xx answer only; throws an `ApiError` otherwise, and the signal's own error when it was aborted. */
export async function call(path: string, options: CallOptions = {}): Promise<Response> {
  const { token } = session.get();
  const headers = new Headers({ accept: 'application/json', ...options.headers });
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  if (options.body !== undefined) headers.set('content-type', 'application/json');
  if (options.idempotencyKey !== undefined) headers.set('idempotency-key', options.idempotencyKey);
  const response = await fetch(withQuery(path, options.query), {
    method: options.method ?? 'GET',
    headers,
    redirect: 'error',
    cache: 'no-store',
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    ...(options.signal && { signal: options.signal }),
  }).catch((error: unknown) => {
    if (options.signal?.aborted) throw error;
    throw apiError({ type: 'about:blank', title: 'The server cannot be reached', status: 0 });
  });
  if (response.ok) return response;
  const problem = await readProblem(response);
  // Only when it is still the token that was refused: an answer that is late must not throw out the next one.
  if (response.status === 401 && session.get().token === token) signOut(problem.detail ?? problem.title);
  throw apiError(problem);
}

/** The server checks its answers against the contract; here they are only given their type. */
export async function callJson<T>(path: string, options?: CallOptions): Promise<T> {
  const response = await call(path, options);
  return (await response.json()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  callJson<T>(path, { ...(query && { query }), ...(signal && { signal }) });

export const post = <T>(path: string, body?: unknown): Promise<T> => callJson<T>(path, { method: 'POST', body });

export function withQuery(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  return parameters.size > 0 ? `${path}?${parameters}` : path;
}

/** A path of the API with an id in it, whatever is in the id. */
export const pathOf = (parts: TemplateStringsArray, ...ids: (string | number)[]): string =>
  String.raw({ raw: parts }, ...ids.map(encodePart));

export const apiError = (problem: Problem): ApiError => ({ isApiError: true, problem });

const isApiError = (error: unknown): error is ApiError =>
  typeof error === 'object' && error !== null && 'isApiError' in error;

/** Any failure as a problem that can be shown. */
export function problemOf(error: unknown): Problem {
  if (isApiError(error)) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { type: 'about:blank', title: 'This page failed', status: 0, detail };
}

/** RFC 9457 where the server speaks; what stands between us and it may answer with anything. */
async function readProblem(response: Response): Promise<Problem> {
  const fallback = {
    type: 'about:blank',
    title: response.statusText || `The server answered ${response.status}`,
    status: response.status,
  };
  try {
    const read: unknown = await response.json();
    if (typeof read !== 'object' || read === null) return fallback;
    // The fields of the document, on top of what the status line says.
    return { ...fallback, ...(read as Partial<Problem>) };
  } catch {
    return fallback;
  }
}

/** For `Idempotency-Key`. Not `randomUUID`: browsers have that on secure addresses only. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
