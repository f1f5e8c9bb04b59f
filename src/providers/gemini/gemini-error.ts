import type { ErrorCode, OffpeakError } from '../../errors.ts';
import { createBadAnswer, errorOfHttpFault, type HttpFault, httpFault } from '../exchange-error.ts';
import { parseRecord, recordOf, textOf } from '../json-values.ts';
import type { TextAnswer } from '../send-http.ts';
import { detailsOf, statusWordOf, wordOfHttpStatus } from './gemini-failures.ts';

/** A refusal over HTTP in the provider's words. */
export interface GeminiFault extends HttpFault {
  /** `INVALID_ARGUMENT` ...; made of the HTTP status where the answer has none. */
  word: string;
  /** Why the key is refused: `API_KEY_INVALID` ... */
  reason?: string;
  /** Names of the quotas that were exceeded. */
  quota: string;
  /** The limit on tokens that the words name. */
  limit?: number;
}

/** `{"error": {code, message, status, details}}`, the same in an array, or a page of a proxy in between. */
export function faultOfBody(answer: TextAnswer, redact: (words: string) => string): GeminiFault {
  const body = parseRecord(answer.text.replace(/^\s*\[|\]\s*$/g, ''));
  const error = recordOf(body?.error) ?? body;
  const words = textOf(error?.message) ?? textOf(body?.error) ?? answer.text;
  const details = detailsOf(error);
  const word = error?.message === undefined ? undefined : statusWordOf(error);
  const fault: GeminiFault = {
    ...httpFault(answer, words, redact),
    word: word ?? wordOfHttpStatus(answer.status),
    quota: details.quota,
  };
  if (details.reason) fault.reason = details.reason;
  const limit = details.quotaTokens ?? limitInWords(fault.message);
  if (limit !== undefined) fault.limit = limit;
  if (details.retryDelayMs !== undefined) fault.retryAfterMs = details.retryDelayMs;
  return fault;
}

/** `limit: 3000000`, `Limit of 3,000,000 enqueued tokens`; only where the words are about tokens. */
export function limitInWords(words: string): number | undefined {
  if (!/token/i.test(words)) return undefined;
  const digits = /\blimit\b(?: is| of)?:?\s*(\d[\d,]*)/i.exec(words)?.[1];
  const limit = Number(digits?.replaceAll(',', ''));
  return limit > 0 ? limit : undefined;
}

/**
 * Narrow on purpose: the words of every 429 are "You exceeded your current quota, please check your plan and billing
 * details", also when waiting a second helps.
 */
const billingWords =
  /spend(ing)?[ -](cap|limit)|(enable|set up|activate|requires?|without|no) (a )?billing|billing( account)?( is| has been)? (not|disabled|closed|inactive)|prepa(id|y)|credits? .*(depleted|exhausted)|insufficient (credit|fund|balance)/i;
const freeTierWords = /free.?tier/i;
const queueWords =
  /enqueued|batch\W+(\w+\W+){0,4}(tokens?|quota|jobs?|limit)|(tokens?|quota|limit)\W+(\w+\W+){0,4}batch/i;

/** The account needs money or another plan: waiting does not help. */
export function isBillingFault(fault: GeminiFault): boolean {
  const about = fault.status === 402 || [400, 403, 429].includes(fault.status);
  return about && (fault.status === 402 || billingWords.test(fault.message));
}

export function isFreeTier(fault: GeminiFault): boolean {
  return freeTierWords.test(`${fault.message} ${fault.quota}`);
}

/** Whether the words of a 429 are about what is enqueued, and not about requests a minute. */
export function isQueueFull(fault: GeminiFault): boolean {
  return queueWords.test(`${fault.message} ${fault.quota}`);
}

/** A 403 or a failed precondition can be about what the request names, while the key is good. */
export function isAboutInput(fault: GeminiFault): boolean {
  return fault.reason === undefined && /\bfiles?\b|\bmodels?\/|\btuned model|cached ?content/i.test(fault.message);
}

function isKeyRefused(fault: GeminiFault): boolean {
  if (fault.status === 401 || fault.status === 403) return true;
  if (fault.status !== 400) return false;
  if (/^API_KEY_/.test(fault.reason ?? '') || /API key (not valid|expired|not found)/i.test(fault.message)) return true;
  // Region, or terms that were not accepted.
  return fault.word === 'FAILED_PRECONDITION' && !isAboutInput(fault);
}

/** The kind of a refusal wherever the path itself has no say in it (404 and the create have their own rules). */
export function kindOfFault(fault: GeminiFault): ErrorCode {
  if (isBillingFault(fault)) return 'quota';
  if (isKeyRefused(fault)) return 'auth';
  if (fault.status === 429) return isFreeTier(fault) && fault.retryAfterMs === undefined ? 'quota' : 'rate_limited';
  return [408, 409, 499].includes(fault.status) || fault.status >= 500 ? 'unavailable' : 'rejected';
}

const remedies: Partial<Record<ErrorCode, string>> = {
  auth: 'check the API key, what it may be used for, and whether the service is offered in this region',
  quota: 'waiting does not help: the account needs billing, money or a higher limit',
  no_room: 'room comes back when a batch of this account ends',
};

export function errorOfFault(action: string, fault: GeminiFault, kind: ErrorCode = kindOfFault(fault)): OffpeakError {
  const limit = kind === 'no_room' ? fault.limit : undefined;
  return errorOfHttpFault(action, fault, { kind, label: ` ${fault.word}`, remedies, limit });
}

export const badAnswer = createBadAnswer('the Gemini API');
