import type { BatchError } from '../batches/batch-record.ts';
import type { RowRequest } from '../batches/row.ts';
import { isObject, type JsonObject, parseJson } from '../json.ts';
import { isKnownModel } from './body-checks.ts';
import { embeddingInputs } from './embeddings.ts';

/** A line that passed validation. */
export interface ValidRow extends RowRequest {
  body: JsonObject;
  model: string;
}

export interface LineValidator {
  readonly errors: readonly BatchError[];
  readonly model: string | null;
  readonly lines: number;
  /** True when more lines cannot change the outcome. */
  readonly full: boolean;
  /** The row, or `undefined` when the line was put on the list of errors. */
  check(line: Buffer): ValidRow | undefined;
  finish(): void;
}

/** The real cap is not known (contract section 1.7). */
const MAX_ERRORS = 1000;
const MAX_EMBEDDING_INPUTS = 50_000;
const KEYS = ['custom_id', 'method', 'url', 'body'] as const;

const API_NAMES: Record<string, string> = { '/v1/responses': 'Responses', '/v1/embeddings': 'Embeddings' };

/** The checks the service makes on the whole file before it runs anything (contract section 1.7). */
export function createLineValidator(endpoint: string, maxRequests: number): LineValidator {
  const errors: BatchError[] = [];
  const ids = new Set<string>();
  let model: string | null = null;
  let lines = 0;
  let embeddings = 0;
  let full = false;
  const add = (code: string, message: string, param: string | null, line: number | null): undefined => {
    if (errors.length < MAX_ERRORS) errors.push({ code, line, message, param });
    return undefined;
  };
  const tooMany = (message: string): undefined => {
    full = true;
    errors.length = 0;
    return add('too_many_tasks', message, null, null);
  };
  const checkModel = (body: JsonObject): string | undefined => {
    const name = body.model;
    if (typeof name !== 'string' || name === '') {
      return add('invalid_request', 'Model parameter is required.', 'body.model', lines);
    }
    if (!isKnownModel(name)) {
      const message = `The provided model '${name}' is not supported by the Batch API.`;
      return add('model_not_found', message, 'body.model', lines);
    }
    model ??= name;
    if (name === model) return name;
    const message = `The model '${name}' does not match the model '${model}' of the first request: a batch has one model.`;
    return add('mismatched_model', message, 'body.model', lines);
  };
  return {
    errors,
    get model() {
      return model;
    },
    get lines() {
      return lines;
    },
    get full() {
      return full;
    },
    check(line) {
      lines++;
      if (lines > maxRequests) {
        return tooMany(`The batch has more than the maximum of ${maxRequests} requests.`);
      }
      const value = parseJson(line.toString('utf8'));
      if (!isObject(value)) return add('invalid_json_line', 'This line is not parseable as valid JSON.', null, lines);
      const shape = shapeProblem(value, endpoint);
      if (shape !== undefined) return add(shape.code, shape.message, shape.param, lines);
      const customId = value.custom_id;
      const body = value.body;
      if (typeof customId !== 'string' || !isObject(body)) return undefined;
      if (ids.has(customId)) {
        const message = `The custom_id '${customId}' for this request is a duplicate of another request in this batch.`;
        return add('duplicate_custom_id', message, 'custom_id', lines);
      }
      ids.add(customId);
      const rowModel = checkModel(body);
      if (rowModel === undefined) return undefined;
      if (endpoint === '/v1/embeddings') {
        embeddings += embeddingInputs(body.input)?.length ?? 0;
        if (embeddings > MAX_EMBEDDING_INPUTS) {
          return tooMany(`The batch has more than the maximum of ${MAX_EMBEDDING_INPUTS} embedding inputs.`);
        }
      }
      return { customId, bodyText: JSON.stringify(body), body, model: rowModel };
    },
    finish() {
      if (lines === 0) add('empty_file', 'The input file is empty.', null, null);
    },
  };
}

/** What is wrong with a line by itself, its model apart. */
export function shapeProblem(value: JsonObject, endpoint: string): Omit<BatchError, 'line'> | undefined {
  for (const key of KEYS) {
    if (value[key] === undefined || value[key] === null) {
      return { code: 'missing_required_parameter', message: `Missing required parameter: '${key}'.`, param: key };
    }
  }
  if (typeof value.custom_id !== 'string') {
    return { code: 'invalid_request', message: "Invalid type for 'custom_id': expected a string.", param: 'custom_id' };
  }
  if (value.method !== 'POST') {
    return { code: 'invalid_request', message: "Invalid value for 'method': must be 'POST'.", param: 'method' };
  }
  if (value.url !== endpoint) {
    const message = 'The URL provided for this request does not match the batch endpoint.';
    return { code: 'invalid_url', message, param: 'url' };
  }
  const body = value.body;
  if (!isObject(body)) {
    return { code: 'invalid_request', message: "Invalid type for 'body': expected an object.", param: 'body' };
  }
  if (body.stream === true) {
    const message = `${API_NAMES[endpoint] ?? 'Chat Completions'}: Streaming is not supported in the Batch API.`;
    return { code: 'streaming_unsupported', message, param: 'body.stream' };
  }
  if (endpoint === '/v1/chat/completions' && body.model !== undefined && body.messages === undefined) {
    return { code: 'invalid_request', message: 'Messages parameter is required.', param: 'body.messages' };
  }
  return undefined;
}
