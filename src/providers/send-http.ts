import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { messageOf } from '../errors.ts';

/**
 * One HTTP exchange, sent once and never redirected. `node:http` is the default and not `fetch`, because Node's fetch
 * gives up after 300 s without an answer and cannot be told otherwise (a reasoning or local model takes longer),
 * inflates gzip unasked, and hides whether a connection ever stood, which decides if a create can have happened.
 * Measured with 214 MB to a local server: node:http 642 MB/s and 92 MB RSS, fetch 668 and 92 (only with
 * `window: null`, else the whole body stays in memory), the OpenAI SDK's upload 413, chunked, without a length.
 */
export type SendHttp = (request: HttpRequest) => Promise<HttpAnswer>;

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string | { bytes: number; chunks: AsyncIterable<Uint8Array> };
  signal?: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  header(name: string): string | undefined;
  /** To be read to its end or left by `break`, else the connection stays open. */
  body: AsyncIterable<Uint8Array>;
}

/** The exchange broke off. `sent: false`: no connection ever stood, so the other side surely saw nothing. */
export class HttpFailure extends Error {
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.name = 'HttpFailure';
    this.sent = sent;
  }
}

/** An answer longer than whoever asked can hold. */
export class AnswerTooLong extends HttpFailure {}

export function createSendHttp(fetch: typeof globalThis.fetch | undefined): SendHttp {
  return fetch ? (request) => sendByFetch(fetch, request) : sendByNode;
}

const sendByNode: SendHttp = (request) =>
  new Promise((resolve, reject) => {
    const url = new URL(request.url);
    const secure = url.protocol === 'https:';
    const { method, body, signal } = request;
    const headers: Record<string, string> = { 'accept-encoding': 'identity', ...request.headers };
    if (body !== undefined) {
      headers['content-length'] = String(typeof body === 'string' ? Buffer.byteLength(body) : body.bytes);
    }
    const options = signal ? { method, headers, signal } : { method, headers };
    const outgoing = secure ? httpsRequest(url, options) : httpRequest(url, options);
    let sent = false;
    outgoing.on('socket', (socket) => {
      const stands = () => {
        sent = true;
      };
      if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', stands);
      else stands();
    });
    outgoing.on('error', (error) => reject(failureOf(error, sent)));
    outgoing.on('response', (incoming) => resolve(answerOf(incoming)));
    if (body === undefined || typeof body === 'string') {
      outgoing.end(body);
      return;
    }
    writeChunks(outgoing, body.chunks).catch((error: unknown) => {
      reject(error);
      outgoing.destroy();
    });
  });

function answerOf(incoming: IncomingMessage): HttpAnswer {
  return {
    status: incoming.statusCode ?? 0,
    header(name) {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: readBody(incoming),
  };
}

async function* readBody(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming) yield chunk;
  } catch (error) {
    throw failureOf(error, true);
  }
}

/** Writes with back-pressure; stops when the other side has answered early (413, 401) or hung up. */
async function writeChunks(outgoing: ClientRequest, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let over = false;
  let wake = () => {};
  const finish = () => {
    over = true;
    wake();
  };
  outgoing.once('response', (incoming) => {
    if (!outgoing.writableEnded) incoming.once('close', () => outgoing.destroy());
    finish();
  });
  outgoing.once('close', finish);
  outgoing.on('drain', () => wake());
  for await (const chunk of chunks) {
    if (over) return;
    if (outgoing.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (over) return;
  }
  outgoing.end();
}

function failureOf(error: unknown, sent: boolean): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const code = codeOf(error);
  // The message of an AggregateError (all addresses of a name refused) is empty.
  const message = messageOf(error) || 'connection failed';
  return new HttpFailure(code && !message.includes(code) ? `${message} (${code})` : message, sent);
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const neverSentCodes = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_.*)$/;

async function sendByFetch(fetch: typeof globalThis.fetch, request: HttpRequest): Promise<HttpAnswer> {
  const { method, body, signal } = request;
  const headers: Record<string, string> = { 'accept-encoding': 'identity', ...request.headers };
  // `window: null` is what keeps Node's fetch from holding a copy of the whole upload for a redirect.
  const init: RequestInit & { window: null; duplex?: 'half' } = { method, headers, redirect: 'error', window: null };
  if (signal) init.signal = signal;
  let sourceError: unknown;
  let over = false;
  if (typeof body === 'string') init.body = body;
  else if (body) {
    headers['content-length'] = String(body.bytes);
    init.duplex = 'half';
    init.body = ReadableStream.from(
      watchSource(
        body.chunks,
        () => over,
        (error) => {
          sourceError = error;
        },
      ),
    );
  }
  try {
    const response = await fetch(request.url, init);
    return {
      status: response.status,
      // fetch has inflated the body already: its encoding is no longer true.
      header: (name) => (name === 'content-encoding' ? undefined : (response.headers.get(name) ?? undefined)),
      body: readWebBody(response.body),
    };
  } catch (error) {
    over = true;
    if (sourceError !== undefined) throw sourceError;
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw failureOf(cause, !neverSentCodes.test(codeOf(cause) ?? ''));
  }
}

/** Node's fetch reads the source of a broken request to its end, at once: 300 MB held the event loop for 0.7 s. */
async function* watchSource(
  chunks: AsyncIterable<Uint8Array>,
  isOver: () => boolean,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      if (isOver()) return;
      yield chunk;
    }
  } catch (error) {
    onError(error);
    throw error;
  }
}

async function* readWebBody(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  try {
    if (body) for await (const chunk of body) yield chunk;
  } catch (error) {
    throw failureOf(error instanceof Error && error.cause !== undefined ? error.cause : error, true);
  }
}

/** An answer that was read to its end. */
export interface TextAnswer extends Pick<HttpAnswer, 'status' | 'header'> {
  text: string;
}

/** 2xx; a redirect is never followed, and so is a refusal like any other. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

export async function readAnswer(answer: HttpAnswer, maxBytes: number): Promise<TextAnswer> {
  return { status: answer.status, header: answer.header, text: await readText(answer, maxBytes) };
}

/** The whole body as text; a HttpFailure above `maxBytes`, so that no answer fills the memory. */
export async function readText(answer: HttpAnswer, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new AnswerTooLong(`answer is longer than ${maxBytes} bytes`, true);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}
