import { asString, isObject, type JsonObject } from '../json.ts';
import { type ApiError, invalidRequest } from './errors.ts';

/** Models that reason: they take neither `max_tokens` nor a temperature other than 1. */
const REASONING_MODEL = /^(?:gpt-5|o\d)/;
const UNKNOWN_MODEL = 'no-such-model';

export function isKnownModel(model: string): boolean {
  return !model.startsWith(UNKNOWN_MODEL);
}

/** What chat and responses refuse alike. */
export function samplingProblem(body: JsonObject): ApiError | undefined {
  const temperature = body.temperature;
  if (temperature === undefined || temperature === null) return undefined;
  if (typeof temperature !== 'number') {
    return invalidRequest(
      `Invalid type for 'temperature': expected a decimal, but got ${kindOf(temperature)} instead.`,
      'temperature',
      'invalid_type',
    );
  }
  if (temperature < 0) {
    return invalidRequest(
      `Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got ${temperature} instead.`,
      'temperature',
      'decimal_below_min_value',
    );
  }
  if (temperature > 2) {
    return invalidRequest(
      `Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got ${temperature} instead.`,
      'temperature',
      'decimal_above_max_value',
    );
  }
  if (temperature !== 1 && REASONING_MODEL.test(asString(body.model) ?? '')) {
    return invalidRequest(
      `Unsupported value: 'temperature' does not support ${temperature} with this model. Only the default (1) value is supported.`,
      'temperature',
      'unsupported_value',
    );
  }
  return undefined;
}

/** `max_tokens` is the old name, which reasoning models refuse. */
export function maxTokensProblem(body: JsonObject): ApiError | undefined {
  const given = body.max_tokens;
  if (given === undefined || given === null || !REASONING_MODEL.test(asString(body.model) ?? '')) return undefined;
  return invalidRequest(
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    'max_tokens',
    'unsupported_parameter',
  );
}

export function positiveIntegerProblem(body: JsonObject, name: string): ApiError | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    return invalidRequest(
      `Invalid type for '${name}': expected an integer, but got ${kindOf(value)} instead.`,
      name,
      'invalid_type',
    );
  }
  if (value >= 1) return undefined;
  return invalidRequest(
    `Invalid '${name}': integer below minimum value. Expected a value >= 1, but got ${value} instead.`,
    name,
    'integer_below_min_value',
  );
}

/** What is checked on every body sent straight to a model endpoint; batches check these at validation. */
export function realtimeProblem(body: JsonObject): { status: number; error: ApiError } | undefined {
  const model = body.model;
  if (typeof model !== 'string' || model === '') {
    return { status: 400, error: invalidRequest('you must provide a model parameter') };
  }
  if (!isKnownModel(model)) {
    const message = `The model \`${model}\` does not exist or you do not have access to it.`;
    return { status: 404, error: invalidRequest(message, null, 'model_not_found') };
  }
  if (body.stream === true) {
    return {
      status: 400,
      error: invalidRequest('The sandbox does not stream: leave `stream` out.', 'stream', 'unsupported_value'),
    };
  }
  return undefined;
}

export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (isObject(value)) return 'an object';
  return typeof value === 'string' ? 'a string' : `a ${typeof value}`;
}
