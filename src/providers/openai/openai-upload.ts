import { createHash, randomUUID } from 'node:crypto';
import { OffpeakError } from '../../errors.ts';
import type { UploadInput } from '../../provider.ts';
import { parseRecord, textOf } from '../json-values.ts';
import { HttpFailure, readText } from '../send-http.ts';
import { createTimeLimit, type TimeLimit } from '../time-limit.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { badAnswer, errorOfExchange, errorOfFault, faultOfBody } from './openai-error.ts';

/** Lines are gathered to this size: 642 MB/s at 64 KiB, 546 at 256 KiB, which also fits a slow line's time-out better. */
const chunkBytes = 64 * 1024;
const longestReply = 1024 * 1024;

function lineHead(customId: string, endpoint: string): string {
  return `{"custom_id":${JSON.stringify(customId)},"method":"POST","url":${JSON.stringify(endpoint)},"body":`;
}
const lineTail = '}\n';

export function batchLineBytes(bodyBytes: number, customId: string, endpoint: string): number {
  return Buffer.byteLength(lineHead(customId, endpoint)) + bodyBytes + lineTail.length;
}

/** Streams the lines as one multipart body of known length, by our own transport; why is said in `send-http.ts`. */
export async function uploadLines(
  connection: OpenAIConnection,
  input: UploadInput,
): Promise<{ fileId: string; sha256: string }> {
  const action = `${connection.name}: upload ${input.fileName}`;
  const { idleMs, replyMs } = connection.timeouts;
  const boundary = `offpeak-${randomUUID()}`;
  const head = Buffer.from(multipartHead(boundary, input.fileName));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const hash = createHash('sha256');
  const limit = createTimeLimit(input.signal);
  const chunks = multipartChunks(
    head,
    jsonlChunks(action, input, (chunk) => hash.update(chunk)),
    tail,
  );
  try {
    const answer = await connection.send({
      method: 'POST',
      url: `${connection.baseUrl}/files`,
      headers: { ...connection.headers(), 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: { bytes: head.length + input.bytes + tail.length, chunks: limitEachWrite(chunks, limit, idleMs, replyMs) },
      signal: limit.signal,
    });
    limit.start(replyMs);
    const text = await readText(answer, longestReply);
    if (answer.status < 200 || answer.status > 299) {
      const fault = faultOfBody(answer.status, answer.header, text, connection.redact);
      const noFiles = [404, 405, 501].includes(fault.status);
      throw errorOfFault(action, fault, noFiles ? 'batch_unavailable' : undefined);
    }
    const fileId = textOf(parseRecord(text)?.id);
    if (!fileId) throw badAnswer(action, 'no file id');
    return { fileId, sha256: hash.digest('hex') };
  } catch (error) {
    const failure = limit.expired ? new HttpFailure('nothing moved for too long', true) : error;
    throw errorOfExchange(action, failure, connection.redact, input.signal);
  } finally {
    limit.close();
  }
}

function multipartHead(boundary: string, fileName: string): string {
  const name = fileName.replace(/["\r\n\\]/g, '_');
  return (
    `--${boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n` +
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n` +
    'Content-Type: application/jsonl\r\n\r\n'
  );
}

async function* multipartChunks(
  head: Uint8Array,
  lines: AsyncIterable<Uint8Array>,
  tail: Uint8Array,
): AsyncGenerator<Uint8Array> {
  yield head;
  yield* lines;
  yield tail;
}

/** The JSONL body by concatenation alone: the bodies are JSON text already and must arrive byte for byte. */
async function* jsonlChunks(
  action: string,
  input: UploadInput,
  onChunk: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let lines = '';
  let sent = 0;
  const take = (): Uint8Array => {
    const chunk = Buffer.from(lines);
    lines = '';
    sent += chunk.length;
    if (sent > input.bytes) throw wrongLength(action, sent, input.bytes);
    onChunk(chunk);
    return chunk;
  };
  for await (const { customId, body } of input.requests()) {
    if (body.includes('\n')) {
      throw new OffpeakError(`${action}: the body of ${customId} holds a line break`, { code: 'internal' });
    }
    lines += lineHead(customId, input.endpoint) + body + lineTail;
    if (lines.length >= chunkBytes) yield take();
  }
  if (lines !== '') yield take();
  if (sent !== input.bytes) throw wrongLength(action, sent, input.bytes);
}

function wrongLength(action: string, sent: number, announced: number): OffpeakError {
  return new OffpeakError(`${action}: ${announced} bytes were announced, the requests give ${sent}`, {
    code: 'internal',
  });
}

/**
 * While the transport holds a chunk, the limit runs; while the store is read, it does not. A chunk is asked for when the
 * one before it has gone, so each pull is progress. The last one is followed by the wait for the reply.
 */
async function* limitEachWrite(
  chunks: AsyncIterable<Uint8Array>,
  limit: TimeLimit,
  idleMs: number,
  replyMs: number,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    limit.start(idleMs);
    yield chunk;
    limit.stop();
  }
  limit.start(replyMs);
}
