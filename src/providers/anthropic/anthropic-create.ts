import { isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import type { CreateInput, RemoteBatch } from '../../provider.ts';
import { aborted, errorOfExchange, outcomeUnknown, unavailable } from '../exchange-error.ts';
import { parseRecord } from '../json-values.ts';
import { chunkBytes } from '../jsonl-chunks.ts';
import { HttpFailure, isSuccess, readAnswer } from '../send-http.ts';
import { limitEachWrite, withTransferLimit } from '../time-limit.ts';
import { batchesPath, parseBatch } from './anthropic-api.ts';
import type { AnthropicConnection } from './anthropic-connection.ts';
import { type AnthropicFault, errorOfFault, faultOfBody, kindOfFault } from './anthropic-error.ts';
import { parseEndpoint } from './messages-endpoint.ts';
import { refusedRows } from './refused-rows.ts';

const longestReply = 1024 * 1024;
const head = '{"requests":[';
const tail = ']}';

/** What stands around the rows; every row is counted with a comma, which the last one does not have. */
export const envelopeBytes = head.length + tail.length - 1;

function rowHead(customId: string): string {
  return `{"custom_id":${JSON.stringify(customId)},"params":`;
}
const rowTail = '}';

export function batchRowBytes(bodyBytes: number, customId: string): number {
  return Buffer.byteLength(rowHead(customId)) + bodyBytes + rowTail.length + ','.length;
}

/** How far the request has got: the provider cannot have made a batch from a JSON text whose end it never had. */
interface Progress {
  rows: number;
  /** The closing bracket was handed to the transport. */
  isWhole: boolean;
}

/**
 * Exactly one POST, streamed with its length announced and by our own transport: the SDK holds the whole body in memory
 * and sends it three times. What does not prove that nothing was created is `outcome_unknown`.
 */
export async function createBatch(connection: AnthropicConnection, input: CreateInput): Promise<RemoteBatch> {
  const action = `${connection.name}: create a batch`;
  const { idleMs, createReplyMs } = connection.timeouts;
  const { version } = parseEndpoint(input.endpoint);
  const headers = { ...connection.headers(version), 'content-type': 'application/json' };
  if (input.bytes <= 0) throw new OffpeakError(`${action}: there are no requests`, { code: 'internal' });
  // Before the request there is nothing to be unsure about.
  if (input.signal?.aborted) throw aborted(action);
  const progress: Progress = { rows: 0, isWhole: false };
  return withTransferLimit(
    input.signal,
    async (limit) => {
      const chunks = limitEachWrite(bodyChunks(action, input, progress), limit, idleMs, createReplyMs);
      const sent = await connection.send({
        method: 'POST',
        url: connection.baseUrl + batchesPath,
        headers,
        body: { bytes: envelopeBytes + input.bytes, chunks },
        signal: limit.signal,
      });
      limit.start(createReplyMs);
      const answer = await readAnswer(sent, longestReply);
      if (!isSuccess(answer.status)) {
        const fault = faultOfBody(answer, connection.redact);
        const refused = refusedRows(fault, progress.rows);
        if (refused) return refused;
        throw createFaultError(action, fault, progress);
      }
      const batch = parseBatch(parseRecord(answer.text));
      if (!batch) throw outcomeUnknown(action, 'the answer names no batch');
      return batch;
    },
    (error) => createError(action, error, progress, connection, input.signal),
  );
}

/** The body by concatenation alone: the params are JSON text already and must arrive byte for byte. */
async function* bodyChunks(action: string, input: CreateInput, progress: Progress): AsyncGenerator<Uint8Array> {
  let text = head;
  let left = envelopeBytes + input.bytes;
  const take = (): Uint8Array => {
    const chunk = Buffer.from(text);
    text = '';
    left -= chunk.length;
    return chunk;
  };
  for await (const { customId, body } of input.requests()) {
    text += `${progress.rows === 0 ? '' : ','}${rowHead(customId)}${body}${rowTail}`;
    progress.rows++;
    if (text.length < chunkBytes) continue;
    const chunk = take();
    if (left < tail.length) throw wrongLength(action, input.bytes);
    yield chunk;
  }
  text += tail;
  const last = take();
  if (left !== 0) throw wrongLength(action, input.bytes);
  progress.isWhole = true;
  yield last;
}

function wrongLength(action: string, announced: number): OffpeakError {
  return new OffpeakError(`${action}: the requests do not give the ${announced} bytes that were announced`, {
    code: 'internal',
  });
}

function createError(
  action: string,
  error: unknown,
  progress: Progress,
  connection: AnthropicConnection,
  signal: AbortSignal | undefined,
): OffpeakError {
  if (isOffpeakError(error)) return error;
  const words = connection.redact(messageOf(error));
  const unsent = error instanceof HttpFailure && !error.sent;
  if (!unsent && progress.isWhole) return outcomeUnknown(action, words);
  if (signal?.aborted) return aborted(action);
  if (!(error instanceof HttpFailure)) return errorOfExchange(action, error, connection.redact);
  const sent = unsent ? 'nothing was sent' : 'the request was not sent to its end, so nothing was created';
  return unavailable(action, `${words}; ${sent}`);
}

function createFaultError(action: string, fault: AnthropicFault, progress: Progress): OffpeakError {
  const kind = kindOfFault(fault);
  // A redirect may be the answer to a POST that was carried out, so it proves nothing either.
  const provesNothing = kind === 'unavailable' || fault.status < 400;
  if (progress.isWhole && provesNothing) return outcomeUnknown(action, `HTTP ${fault.status}: ${fault.message}`);
  const noBatches = (fault.status === 404 || fault.status === 405) && !/\bmodel\b/i.test(fault.message);
  if (noBatches) return errorOfFault(action, fault, 'batch_unavailable');
  if (kind === 'rate_limited' && /\bqueued?\b/i.test(fault.message)) {
    return errorOfFault(action, fault, 'no_room', queueLimitIn(fault.message));
  }
  return errorOfFault(action, fault, kind);
}

/** The rows that the account may have in the processing queue, where the words name them. */
function queueLimitIn(words: string): number | undefined {
  const digits = /\blimit\b[^\d.]{0,40}(\d[\d,]*)/i.exec(words)?.[1];
  return digits === undefined ? undefined : Number(digits.replaceAll(',', ''));
}
