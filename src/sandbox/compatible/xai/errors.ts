import { isObject, parseJson } from '../../json.ts';
import { jsonReply, type Reply } from '../../reply.ts';

/**
 * What stands in `code`. Seen live is only the one of 400, which is to the letter what tonic, a gRPC library, has for
 * that case; the others are tonic's too, and unconfirmed.
 */
const CODES: ReadonlyMap<number, string> = new Map([
  [400, 'Client specified an invalid argument'],
  [401, 'The request does not have valid authentication credentials'],
  [403, 'The caller does not have permission to execute the specified operation'],
  [404, 'Some requested entity was not found'],
  [412, "The system is not in a state required for the operation's execution"],
  [429, 'Some resource has been exhausted'],
  [500, 'Internal error'],
  [503, 'The service is currently unavailable'],
]);

/** An error of xAI: two texts, and no object around them. */
export function xaiError(status: number, error: string): Reply {
  return jsonReply(status, { code: CODES.get(status) ?? 'Unknown error', error });
}

/** The refusals of what is shared with OpenAI's emulation, in xAI's form; other replies stay as they are. */
export function inXaiForm(reply: Reply): Reply {
  if (reply.status < 400 || typeof reply.body !== 'string') return reply;
  const message = errorMessageOf(reply.body);
  if (message === undefined) return reply;
  const { body } = xaiError(reply.status, message);
  return { ...reply, body };
}

/** The message in an error of OpenAI's form, given as JSON. */
export function errorMessageOf(json: string): string | undefined {
  const value = parseJson(json);
  const error = isObject(value) ? value.error : undefined;
  return isObject(error) ? String(error.message) : undefined;
}
