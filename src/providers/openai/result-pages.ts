import type { Outcome } from '../../outcome.ts';
import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { longestMessage } from '../answer-outcome.ts';
import { exchangeText } from '../exchange-text.ts';
import { type JsonRecord, parseRecord, recordOf, textOf } from '../json-values.ts';
import { firstBytes, malformedLine } from '../result-line.ts';
import { AnswerTooLong, isSuccess } from '../send-http.ts';
import { outcomeOfAnswer } from './openai-answers.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { badAnswer, codeOfError, errorOfExchange, errorOfFault, faultOfBody } from './openai-error.ts';
import { failedOutcome } from './openai-failures.ts';

/** Rows of a page, of the 1,000 that xAI allows: of long answers, fewer are asked for. */
const mostRows = 500;
const mostBytes = 16 * 1024 * 1024;
/** Of a page that holds one row. */
const mostBytesOfRow = 256 * 1024 * 1024;

interface Page {
  rows: readonly unknown[];
  token: string | undefined;
}

/**
 * Every row of the pages behind a batch, to the one that names no next. A page that breaks throws `unavailable`, one
 * that cannot be read `bad_answer`: read again from the start.
 */
export async function* readResultPages(
  connection: OpenAIConnection,
  batchPath: string,
  { remoteId, rawStatus }: RemoteBatch,
  signal?: AbortSignal,
): AsyncGenerator<ResultLine> {
  const action = `${connection.name}: read results of batch ${remoteId}`;
  const seen = new Set<string>();
  let token: string | undefined;
  let limit = mostRows;
  for (;;) {
    const query = `?limit=${limit}${token === undefined ? '' : `&pagination_token=${encodeURIComponent(token)}`}`;
    const url = `${connection.baseUrl}${batchPath}/results${query}`;
    const page = await readPage(
      connection,
      { action, url, maxBytes: limit === 1 ? mostBytesOfRow : mostBytes },
      signal,
    );
    if (!page) {
      limit = Math.max(1, limit >> 2);
      continue;
    }
    for (const row of page.rows) yield readResultEntry(row, rawStatus === 'cancelled');
    limit = Math.min(mostRows, limit * 2);
    token = page.token;
    if (token === undefined) return;
    if (seen.has(token)) throw badAnswer(action, 'pages do not advance');
    seen.add(token);
  }
}

/** Undefined: it is longer than `maxBytes`, and may be asked for in smaller ones. */
async function readPage(
  connection: OpenAIConnection,
  { action, url, maxBytes }: { action: string; url: string; maxBytes: number },
  signal?: AbortSignal,
): Promise<Page | undefined> {
  try {
    const { replyMs } = connection.timeouts;
    const request = { method: 'GET', url, headers: connection.headers() } as const;
    const answer = await exchangeText(connection.send, request, { replyMs, maxBytes, signal });
    if (!isSuccess(answer.status)) {
      const gone = answer.status === 404 || answer.status === 410;
      throw errorOfFault(action, faultOfBody(answer, connection.redact), gone ? 'not_found' : undefined);
    }
    const page = parseRecord(answer.text);
    const rows = page?.results ?? [];
    // An empty list may be left out, but not by an error, or by something else.
    if (!page || !Array.isArray(rows) || page.error !== undefined) throw badAnswer(action, 'no page of results');
    return { rows, token: textOf(page.pagination_token) };
  } catch (error) {
    if (error instanceof AnswerTooLong && maxBytes < mostBytesOfRow) return undefined;
    throw errorOfExchange(action, error, connection.redact, signal);
  }
}

/** `{batch_request_id, batch_result: {response: {chat_get_completion}} | {error}}` */
function readResultEntry(value: unknown, isCancelled: boolean): ResultLine {
  const row = recordOf(value);
  const customId = textOf(row?.batch_request_id);
  const line: ResultLine = {
    outcome: row && customId ? outcomeOfEntry(row, isCancelled) : malformedLine('has no batch_request_id'),
    // Only wanted of what is strange.
    get raw() {
      return firstBytes(JSON.stringify(value));
    },
  };
  if (customId === undefined) return line;
  line.customId = customId;
  const model = textOf(row && bodyOf(row)?.model);
  if (model !== undefined) line.model = model;
  return line;
}

/** One body, under the name of what answered: `chat_get_completion`. */
function bodyOf(row: JsonRecord): JsonRecord | undefined {
  const response = recordOf(recordOf(row.batch_result)?.response);
  return (
    recordOf(response?.chat_get_completion) ??
    Object.values(response ?? {})
      .map(recordOf)
      .find(Boolean)
  );
}

/**
 * The error is text, as it was seen, or a gRPC status, as some clients expect. Of a batch that nobody cancelled, rows that
 * were are those that xAI has not run: as if they had expired.
 */
function outcomeOfEntry(row: JsonRecord, isCancelled: boolean): Outcome {
  const body = bodyOf(row);
  if (body) return outcomeOfAnswer(body);
  const error = recordOf(row.batch_result)?.error ?? row.error_message;
  const status = recordOf(error);
  const words = textOf(error) ?? textOf(status?.message);
  const code = codeOfError(status);
  if (words === undefined && code === undefined) return malformedLine('has neither response nor error');
  const message = (words ?? `status ${code}`).slice(0, longestMessage);
  if (/^batch (was )?cancell?ed/i.test(message) || code === '1') {
    return { type: isCancelled ? 'cancelled' : 'expired', message };
  }
  if (/^(batch|request) (has )?expired/i.test(message)) return { type: 'expired', message };
  return failedOutcome({ status: statusOf(code, message), message });
}

/**
 * Unconfirmed: no error but those of the request itself was seen. Numbers are gRPC's (grpc.io, status codes). What fits
 * nothing may be anything, and is tried again.
 */
const statuses: readonly { codes: readonly string[]; words: RegExp; status: number }[] = [
  { codes: ['8'], words: /rate.?limit|too many requests|resource.?exhausted/i, status: 429 },
  { codes: ['4'], words: /timed? ?out|deadline exceeded/i, status: 504 },
  { codes: ['2', '13', '14'], words: /overload|unavailable|internal (server )?error|try again/i, status: 503 },
  {
    codes: ['3', '5', '7', '9', '11', '12'],
    words: /must (be|set|have)|invalid|not supported|not found|exceed|too (long|large)|failed to download|violat/i,
    status: 400,
  },
];

function statusOf(code: string | undefined, message: string): number | undefined {
  return statuses.find(({ codes, words }) => codes.includes(code ?? '') || words.test(message))?.status;
}
