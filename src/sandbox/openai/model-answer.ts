import type { RowAction } from '../fault-plan.ts';
import type { JsonObject } from '../json.ts';
import type { ApiError } from './errors.ts';

/** What the answer needs beside the body. */
export interface AnswerContext {
  /** 32 hexadecimal digits from which the ids inside the answer are made. */
  idSeed: string;
  createdSeconds: number;
  fault: RowAction | undefined;
}

/** The model API's answer to one body, in a batch or in realtime. */
export interface ModelAnswer {
  status: number;
  /** The answer's body as JSON text. */
  json: string;
  inputTokens: number;
  outputTokens: number;
}

export type Endpoint = (body: JsonObject, context: AnswerContext) => ModelAnswer;

export function refused(error: ApiError, status = 400): ModelAnswer {
  return { status, json: JSON.stringify({ error }), inputTokens: 0, outputTokens: 0 };
}
