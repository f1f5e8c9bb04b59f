import { isObject } from './json.ts';

/** What goes wrong, and when. Everything in it is JSON, so that a plan can be a file or a request body. */
export interface FaultPlan {
  routes?: RouteFault[];
  rows?: RowFault[];
}

export interface RouteFault {
  method: string;
  /** Path pattern; one star stands for one segment or its start: `/v1/files/*\/content`, `/v1beta/models/*:batchGenerateContent`. */
  path: string;
  /** The first so many matching calls are left alone. Default 0. */
  skip?: number;
  /** How many calls it spoils. Default 1; null = every one. */
  times?: number | null;
  /** Seeded chance per matching call, instead of `skip` and `times`. */
  probability?: number;
  fault: RouteAction;
}

export type RouteAction =
  /** Refused before anything happens. */
  | { type: 'status'; status: number; body?: unknown; headers?: Record<string, string>; html?: boolean }
  /** Socket destroyed before anything happens. */
  | { type: 'reset' }
  /** The action is done, then the socket is destroyed instead of an answer. */
  | { type: 'lost-reply' }
  /** The action is done, then this status is answered. */
  | { type: 'status-after'; status: number; body?: unknown }
  /** Connection reset after so many bytes of the reply's body. */
  | { type: 'cut-reply'; bytes: number }
  /** The reply ends cleanly after so many bytes, with nothing to tell the client. */
  | { type: 'cut-reply-clean'; bytes: number }
  /** Silence for so many real milliseconds, then the answer (default) or a reset with nothing done. */
  | { type: 'stall'; ms: number; then?: 'answer' | 'reset' }
  /** Create answers 400 `Cannot find file ...`. */
  | { type: 'file-not-found' }
  /** Create answers 200, then the batch fails with `token_limit_exceeded`. */
  | { type: 'token-limit' }
  /** Batches created within the last so many sandbox milliseconds are missing from the list. */
  | { type: 'hide'; ms: number }
  /** The created batch finishes this fraction of its rows, then expires. */
  | { type: 'expire-at'; fraction: number }
  /** The created batch fails validation with this entry. */
  | { type: 'fail-batch'; code: string; message: string; line?: number };

export interface RowFault {
  match: RowMatch;
  fault: RowAction;
}

/** All given conditions must hold; none given matches every row. */
export interface RowMatch {
  customId?: string;
  /** Text in the body. */
  contains?: string;
  /** Every nth row of the file, or every nth realtime call. */
  everyNth?: number;
  /** Seeded chance per execution of a body. */
  probability?: number;
  /** Only the nth execution of the same body, 1-based. */
  attempt?: number;
}

export type RowAction =
  | { type: 'error'; status: number; code?: string; message?: string; inOutput?: boolean }
  | { type: 'status-zero' }
  | { type: 'missing' }
  | { type: 'duplicate' }
  | { type: 'unknown-id' }
  | { type: 'not-json' }
  | { type: 'truncated-last-line' }
  | { type: 'huge'; bytes: number }
  | { type: 'empty-content' }
  /** `stage` where the API tells them apart: blocked before (default) or while the model answers. */
  | { type: 'refusal'; stage?: 'prompt' | 'answer' }
  | { type: 'invalid-json-answer' }
  | { type: 'text'; text: string };

const ROUTE_TYPES = new Set(
  'status reset lost-reply status-after cut-reply cut-reply-clean stall file-not-found token-limit hide expire-at fail-batch'.split(
    ' ',
  ),
);
const ROW_TYPES = new Set(
  'error status-zero missing duplicate unknown-id not-json truncated-last-line huge empty-content refusal invalid-json-answer text'.split(
    ' ',
  ),
);

/** Checks a plan that came from a file or over HTTP; a misspelt fault must not pass as "no fault". */
export function parseFaultPlan(value: unknown): FaultPlan {
  if (!isObject(value)) throw new Error('The fault plan must be a JSON object with "routes" and/or "rows".');
  for (const key of Object.keys(value)) {
    if (key !== 'routes' && key !== 'rows') throw new Error(`Unknown key "${key}" in the fault plan.`);
  }
  checkList(value.routes, 'routes', (item) => {
    if (typeof item.method !== 'string' || typeof item.path !== 'string') return 'needs "method" and "path"';
    return typeIn(item.fault, ROUTE_TYPES);
  });
  checkList(value.rows, 'rows', (item) => {
    if (!isObject(item.match)) return 'needs "match"';
    return typeIn(item.fault, ROW_TYPES);
  });
  return value as FaultPlan;
}

function typeIn(fault: unknown, known: ReadonlySet<string>): string | undefined {
  if (!isObject(fault)) return 'needs "fault"';
  const type = fault.type;
  return typeof type === 'string' && known.has(type) ? undefined : `has the unknown fault type "${String(type)}"`;
}

function checkList(
  value: unknown,
  name: string,
  problemOf: (item: Record<string, unknown>) => string | undefined,
): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) throw new Error(`"${name}" in the fault plan must be a list.`);
  value.forEach((item: unknown, i) => {
    const problem = isObject(item) ? problemOf(item) : 'is not an object';
    if (problem !== undefined) throw new Error(`Fault ${name}[${i}] ${problem}.`);
  });
}
