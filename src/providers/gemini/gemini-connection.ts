import { OffpeakError } from '../../errors.ts';
import { errorOfExchange } from '../exchange-error.ts';
import { exchangeText } from '../exchange-text.ts';
import { type JsonRecord, parseRecord } from '../json-values.ts';
import { checkApiKey, type ProviderConnection } from '../provider-connection.ts';
import { createRedact } from '../redact.ts';
import { isSuccess, type TextAnswer } from '../send-http.ts';
import { badAnswer, errorOfFault, faultOfBody, type GeminiFault } from './gemini-error.ts';

export type GeminiConnectionOptions = Omit<ProviderConnection, 'redact' | 'headers'> & { apiKey: string | undefined };

/** The base URL is without the version. */
export function createConnection(options: GeminiConnectionOptions): ProviderConnection {
  const { apiKey, ...connection } = options;
  const { name, baseUrl } = connection;
  const redactKey = createRedact(apiKey);
  return {
    ...connection,
    // Google's own words can quote another key, or an address with one inside.
    redact: (words) =>
      redactKey(words.replace(/\bAIza[\w-]{20,}|([?&](key|upload_id)=)[^&\s"']+/g, (_, before) => `${before ?? ''}…`)),
    headers() {
      checkApiKey(name, apiKey, 'GEMINI_API_KEY', new URL(baseUrl).hostname.endsWith('.googleapis.com'));
      return apiKey ? { 'user-agent': 'offpeak', 'x-goog-api-key': apiKey } : { 'user-agent': 'offpeak' };
    },
  };
}

export interface Exchange {
  method: 'GET' | 'POST' | 'DELETE';
  /** Behind the base URL. */
  path: string;
  /** JSON text. */
  body?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/** Jobs with inline requests carry their whole payload in every answer about them, also in the listing. */
const longestAnswer = 64 * 1024 * 1024;

/** One exchange, answer read to its end within the reply's time limit; throws HttpFailure when the line breaks. */
export async function exchange(connection: ProviderConnection, request: Exchange): Promise<TextAnswer> {
  const { method, path, body, signal } = request;
  const { replyMs } = connection.timeouts;
  const headers: Record<string, string> = { ...connection.headers(), ...request.headers };
  if (body !== undefined) headers['content-type'] = 'application/json';
  // Google's front end gives up after 60 s unless told otherwise (contracts, Gemini 3.4).
  if (method === 'GET') headers['x-server-timeout'] = String(Math.ceil(replyMs / 1000));
  const { send, baseUrl } = connection;
  return exchangeText(
    async (sent) => {
      const answer = await send(sent);
      return { ...answer, body: capped(answer.body) };
    },
    { method, url: baseUrl + path, headers, ...(body === undefined ? {} : { body }) },
    { replyMs, maxBytes: Number.POSITIVE_INFINITY, signal },
  );
}

/** An answer that will be as long the next time: no fault of the line, which would be tried again. */
export class TooLongAnswer extends Error {}

async function* capped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > longestAnswer) {
      throw new TooLongAnswer(
        `the answer is longer than ${longestAnswer} bytes, as happens with batches whose requests were sent inline: remove them at the provider`,
      );
    }
    yield chunk;
  }
}

/** As `exchange`, but a refusal or a broken line is thrown in our words and the answer is a JSON object. */
export async function exchangeJson(
  connection: ProviderConnection,
  action: string,
  request: Exchange,
  onFault: (fault: GeminiFault) => OffpeakError = (fault) => errorOfFault(action, fault),
): Promise<JsonRecord> {
  let answer: TextAnswer;
  try {
    answer = await exchange(connection, request);
  } catch (error) {
    if (error instanceof TooLongAnswer) {
      throw new OffpeakError(`${action}: ${error.message}`, { code: 'bad_answer' });
    }
    throw errorOfExchange(action, error, connection.redact, request.signal);
  }
  if (!isSuccess(answer.status)) throw onFault(faultOfBody(answer, connection.redact));
  // An empty answer to a GET proves nothing, and must not look like an empty listing.
  const body = answer.text.trim() === '' && request.method !== 'GET' ? {} : parseRecord(answer.text);
  if (!body) throw badAnswer(action, 'no JSON object');
  return body;
}

/** `batches/abc` or `abc` as a path; ids are put into URLs together with the key, so only plain ones are let through. */
export function resourcePath(kind: 'batches' | 'files', name: string): string | undefined {
  const id = name.startsWith(`${kind}/`) ? name.slice(kind.length + 1) : name;
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(id) ? `${kind}/${id}` : undefined;
}
