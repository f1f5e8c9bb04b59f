import type { FailedOutcome, FailureCode } from '../../outcome.ts';
import { longestMessage } from '../answer-outcome.ts';

/** The one table from the provider's codes, types and finish reasons to ours (contracts, OpenAI 1.6, 1.7, 1.9). */
const families: Readonly<Partial<Record<FailureCode, string>>> = {
  blocked: 'content_filter content_policy_violation',
  truncated: 'length max_output_tokens',
  invalid_request:
    'invalid_request_error invalid_request invalid_prompt model_not_found context_length_exceeded ' +
    'unsupported_parameter unsupported_value invalid_value invalid_type missing_required_parameter ' +
    'invalid_json_line invalid_url url_mismatch streaming_unsupported duplicate_custom_id mismatched_model ' +
    'model_mismatch',
  overloaded: 'server_error internal_error internal_server_error overloaded overloaded_error service_unavailable',
  rate_limited: 'rate_limit_exceeded rate_limit_error',
  timeout: 'timeout request_timeout',
};
const codes: ReadonlyMap<string, FailureCode> = new Map(
  Object.entries(families).flatMap(([code, words]) => words.split(' ').map((word) => [word, code as FailureCode])),
);
const passing: readonly FailureCode[] = ['overloaded', 'rate_limited', 'timeout'];
const passingWords = /server_error|internal|rate_limit|overloaded|unavailable|time_?out/i;

/** A failure as the provider tells it: in a result line, in the answer to a call, or inside an answer. */
export interface ToldFailure {
  /** Its `code`, else its `type`; some servers write an HTTP status. */
  code?: string | undefined;
  type?: string | undefined;
  /** 0: OpenAI's result files hold it for rows that broke off. */
  status?: number | undefined;
  message?: string | undefined;
}

/** 408, 409, 429, 5xx, and 0: it may go better another time. */
export function isRetryableStatus(status: number): boolean {
  return status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;
}

/** In our vocabulary; the provider's own code stays to be read in the message. */
export function failedOutcome(told: ToldFailure): FailedOutcome {
  const isStatus = told.code !== undefined && /^\d{3}$/.test(told.code);
  const status = isStatus ? Number(told.code) : told.status;
  const own = isStatus ? undefined : told.code;
  const code = codeOf(own, told.type, status);
  const retryable = status === undefined ? isPassing(code, own) : isRetryableStatus(status);
  const words = told.message ?? own ?? (status === undefined ? 'the provider gave no reason' : `HTTP ${status}`);
  // A type alone says no more than our own word.
  const label = isStatus ? `HTTP ${status}` : own === told.type ? '' : (own ?? '');
  return {
    type: 'failed',
    code,
    message: withLabel(words, label === code ? '' : label),
    retryable: retryable && own !== 'insufficient_quota',
  };
}

/** The words of an error that names a row, with the provider's code where ours is another. */
export function classifyNamed(code: string, message: string): { code: string; message: string } {
  const ours = codeOf(code, undefined, undefined);
  return { code: ours, message: ours === code ? message : withLabel(message, code) };
}

function codeOf(own: string | undefined, type: string | undefined, status: number | undefined): string {
  const known = own === undefined ? undefined : codes.get(own);
  if (known) return known;
  if (own === 'insufficient_quota') return own;
  if (status !== undefined && isRetryableStatus(status)) return codeOfPassing(status);
  if (status === 413) return 'too_large';
  const family = type === undefined ? undefined : codes.get(type);
  if (family) return family;
  if (own !== undefined) return own;
  return status === undefined ? 'overloaded' : 'invalid_request';
}

function codeOfPassing(status: number): FailureCode {
  if (status === 429) return 'rate_limited';
  return status === 408 || status === 504 ? 'timeout' : 'overloaded';
}

function isPassing(code: string, own: string | undefined): boolean {
  return (passing as readonly string[]).includes(code) || passingWords.test(own ?? '');
}

function withLabel(message: string, label: string): string {
  const words = message.slice(0, longestMessage);
  return label === '' || words.includes(label) ? words : `${words} (${label})`;
}
