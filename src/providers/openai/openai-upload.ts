import { createHash, randomUUID } from 'node:crypto';
import type { UploadInput } from '../../provider.ts';
import { parseRecord, textOf } from '../json-values.ts';
import { type JsonlForm, jsonlChunks, jsonlLineBytes } from '../jsonl-chunks.ts';
import { isSuccess, readAnswer } from '../send-http.ts';
import type { BatchProfile } from '../server-profile.ts';
import { limitEachWrite, withTransferLimit } from '../time-limit.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { badAnswer, errorOfExchange, errorOfFault, faultOfBody } from './openai-error.ts';

const longestReply = 1024 * 1024;

function jsonlForm(line: BatchProfile['line'], endpoint: string): JsonlForm {
  const call = line === 'call' ? `,"method":"POST","url":${JSON.stringify(endpoint)}` : '';
  return { head: (customId) => `{"custom_id":${JSON.stringify(customId)}${call},"body":`, tail: '}\n' };
}

export function batchLineBytes(
  line: BatchProfile['line'],
  bodyBytes: number,
  customId: string,
  endpoint: string,
): number {
  return jsonlLineBytes(jsonlForm(line, endpoint), bodyBytes, customId);
}

/** Streams the lines as one multipart body of known length, by our own transport; why is said in `send-http.ts`. */
export async function uploadLines(
  connection: OpenAIConnection,
  { filesPath, uploadFields, line }: Pick<BatchProfile, 'filesPath' | 'uploadFields' | 'line'>,
  input: UploadInput,
): Promise<{ fileId: string; sha256: string }> {
  const action = `${connection.name}: upload ${input.fileName}`;
  const { idleMs, replyMs } = connection.timeouts;
  const boundary = `offpeak-${randomUUID()}`;
  const head = Buffer.from(multipartHead(boundary, uploadFields, input.fileName));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const hash = createHash('sha256');
  const lines = jsonlChunks(action, jsonlForm(line, input.endpoint), input, (chunk) => hash.update(chunk));
  const chunks = multipartChunks(head, lines, tail);
  const headers = { ...connection.headers(), 'content-type': `multipart/form-data; boundary=${boundary}` };
  return withTransferLimit(
    input.signal,
    async (limit) => {
      const sent = await connection.send({
        method: 'POST',
        url: connection.baseUrl + filesPath,
        headers,
        body: {
          bytes: head.length + input.bytes + tail.length,
          chunks: limitEachWrite(chunks, limit, idleMs, replyMs),
        },
        signal: limit.signal,
      });
      limit.start(replyMs);
      const answer = await readAnswer(sent, longestReply);
      if (!isSuccess(answer.status)) {
        const noFiles = [404, 405, 501].includes(answer.status);
        const fault = faultOfBody(answer, connection.redact);
        throw errorOfFault(action, fault, noFiles ? 'batch_unavailable' : undefined);
      }
      const fileId = textOf(parseRecord(answer.text)?.id);
      if (!fileId) throw badAnswer(action, 'no file id');
      return { fileId, sha256: hash.digest('hex') };
    },
    (error) => errorOfExchange(action, error, connection.redact, input.signal),
  );
}

/** The fields first: xAI refuses one that comes after the file. */
function multipartHead(boundary: string, fields: BatchProfile['uploadFields'], fileName: string): string {
  const name = fileName.replace(/["\r\n\\]/g, '_');
  const texts = Object.entries(fields).map(
    ([field, text]) => `--${boundary}\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${text}\r\n`,
  );
  return (
    `${texts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n` +
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
