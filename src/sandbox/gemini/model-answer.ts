import type { RowAction } from '../fault-plan.ts';
import type { JsonObject } from '../json.ts';
import type { TokenCounts } from '../prices.ts';
import { type GeminiError, geminiError } from './errors.ts';

/** What the answer needs beside the body. */
export interface AnswerContext {
  /** Without the prefix `models/`. */
  model: string;
  /** 32 hexadecimal digits from which the response id is made. */
  idSeed: string;
  fault: RowAction | undefined;
}

/** The model API's answer to one body, in a batch or in realtime. */
export type ModelAnswer =
  | {
      error: null;
      /** The answer's body as JSON text. */
      json: string;
      /** As billed: thoughts are output, `input` is without the cached tokens (contract section 3.9). */
      tokens: TokenCounts;
    }
  | { error: GeminiError };

export type Answerer = (body: JsonObject, context: AnswerContext) => ModelAnswer;

/** The error of an `error` row fault. */
export function faultError(fault: Extract<RowAction, { type: 'error' }>): GeminiError {
  const error = geminiError(fault.status, fault.message ?? 'The sandbox was told to fail this request.');
  return fault.code === undefined ? error : { ...error, status: fault.code };
}
