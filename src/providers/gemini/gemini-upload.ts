import { createHash } from 'node:crypto';
import type { OffpeakError } from '../../errors.ts';
import type { UploadInput } from '../../provider.ts';
import { errorOfExchange, unavailable } from '../exchange-error.ts';
import { countOf, parseRecord, recordOf, textOf } from '../json-values.ts';
import { type JsonlForm, jsonlChunks, jsonlLineBytes } from '../jsonl-chunks.ts';
import type { ProviderConnection } from '../provider-connection.ts';
import { isSuccess, readAnswer, type TextAnswer } from '../send-http.ts';
import { limitEachWrite, type TimeLimit, withTransferLimit } from '../time-limit.ts';
import { exchange } from './gemini-connection.ts';
import { batchPathOf } from './gemini-endpoint.ts';
import { badAnswer, errorOfFault, faultOfBody } from './gemini-error.ts';

const longestReply = 1024 * 1024;
const mimeType = 'application/jsonl';

const form: JsonlForm = { head: (customId) => `{"key":${JSON.stringify(customId)},"request":`, tail: '}\n' };

export function batchLineBytes(bodyBytes: number, customId: string): number {
  return jsonlLineBytes(form, bodyBytes, customId);
}

/**
 * The resumable protocol in its two shortest steps: announce, then all bytes in one streamed POST. Nothing is resumed:
 * an upload is free of charge and begun anew when it breaks.
 */
export async function uploadLines(
  connection: ProviderConnection,
  input: UploadInput,
): Promise<{ fileId: string; sha256: string }> {
  const action = `${connection.name}: upload ${input.fileName}`;
  batchPathOf(action, input.endpoint);
  return withTransferLimit(
    input.signal,
    async (limit) => sendLines(connection, action, input, await announce(connection, action, input), limit),
    (error) => errorOfExchange(action, error, connection.redact, input.signal),
  );
}

/** The address that takes the bytes. */
async function announce(connection: ProviderConnection, action: string, input: UploadInput): Promise<string> {
  const answer = await exchange(connection, {
    method: 'POST',
    path: '/upload/v1beta/files',
    body: JSON.stringify({ file: { displayName: input.fileName, mimeType } }),
    headers: {
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-command': 'start',
      'x-goog-upload-header-content-length': String(input.bytes),
      'x-goog-upload-header-content-type': mimeType,
    },
    signal: input.signal,
  });
  if (!isSuccess(answer.status)) {
    const noFiles = [404, 405, 501].includes(answer.status);
    throw refusalOf(connection, action, answer, noFiles);
  }
  const url = URL.parse(answer.header('x-goog-upload-url') ?? '', connection.baseUrl);
  if (!url || answer.header('x-goog-upload-url') === undefined) throw badAnswer(action, 'no address to upload to');
  return ownAddress(connection.baseUrl, url);
}

/**
 * Only path and query of the address are taken, never its origin: the key and the users' texts go to the configured
 * server alone, whatever an answer says. Behind a proxy or a sandbox the address would name a host that is not meant.
 */
function ownAddress(baseUrl: string, url: URL): string {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const path = url.pathname.startsWith(`${prefix}/`) ? url.pathname : prefix + url.pathname;
  return base.origin + path + url.search;
}

async function sendLines(
  connection: ProviderConnection,
  action: string,
  input: UploadInput,
  url: string,
  limit: TimeLimit,
): Promise<{ fileId: string; sha256: string }> {
  const { idleMs, replyMs } = connection.timeouts;
  const hash = createHash('sha256');
  const chunks = jsonlChunks(action, form, input, (chunk) => hash.update(chunk));
  const sent = await connection.send({
    method: 'POST',
    url,
    headers: {
      ...connection.headers(),
      'content-type': mimeType,
      'x-goog-upload-offset': '0',
      'x-goog-upload-command': 'upload, finalize',
    },
    body: { bytes: input.bytes, chunks: limitEachWrite(chunks, limit, idleMs, replyMs) },
    signal: limit.signal,
  });
  limit.start(replyMs);
  const answer = await readAnswer(sent, longestReply);
  if (!isSuccess(answer.status)) throw refusalOf(connection, action, answer, false);
  const body = parseRecord(answer.text);
  const file = recordOf(body?.file) ?? body;
  const fileId = textOf(file?.name);
  if (!fileId) throw badAnswer(action, 'no file name');
  const size = countOf(Number(file?.sizeBytes ?? input.bytes));
  if (textOf(file?.state) === 'FAILED' || size !== input.bytes) {
    const words = `the provider has ${size} of ${input.bytes} bytes, state ${textOf(file?.state) ?? 'unknown'}`;
    throw unavailable(action, `${words}; upload it again`);
  }
  return { fileId, sha256: hash.digest('hex') };
}

function refusalOf(connection: ProviderConnection, action: string, answer: TextAnswer, noFiles: boolean): OffpeakError {
  const fault = faultOfBody(answer, connection.redact);
  // The address of an upload is forgotten when it broke off: the whole upload is repeated, not the address.
  return errorOfFault(action, fault, noFiles ? 'batch_unavailable' : undefined);
}
