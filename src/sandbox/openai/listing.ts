import type { Call } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import { type ApiError, invalidRequest } from './errors.ts';

/** Reads `limit`; an error object when it is out of range. */
export function readLimit(call: Call, most: number, standard: number): number | ApiError {
  const text = call.query.get('limit');
  if (text === null) return standard;
  const limit = Number(text);
  if (!Number.isInteger(limit)) {
    return invalidRequest(
      `Invalid type for 'limit': expected an integer, but got '${text}' instead.`,
      'limit',
      'invalid_type',
    );
  }
  if (limit < 1) {
    const message = `Invalid 'limit': integer below minimum value. Expected a value >= 1, but got ${limit} instead.`;
    return invalidRequest(message, 'limit', 'integer_below_min_value');
  }
  if (limit > most) {
    const message = `Invalid 'limit': integer above maximum value. Expected a value <= ${most}, but got ${limit} instead.`;
    return invalidRequest(message, 'limit', 'integer_above_max_value');
  }
  return limit;
}

/** The list envelope; `items` holds one more than `limit` when there is a next page. */
export function listReply(items: readonly { id?: unknown }[], limit: number): Reply {
  const data = items.slice(0, limit);
  return jsonReply(200, {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: items.length > limit,
  });
}
