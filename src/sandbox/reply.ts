import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What a handler answers; the server sends it, or a fault spoils it on the way. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body: string | string[] | { path: string; bytes: number } | PiecedBody;
}

/** Texts and parts of one file, one after the other: a page of rows that may be too large for the memory. */
export interface PiecedBody {
  path: string;
  pieces: readonly BodyPiece[];
}

/** A text, or the bytes of the file from `start` up to `end`. */
export type BodyPiece = string | { start: number; end: number };

const CHUNK_BYTES = 128 * 1024;

export function jsonReply(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** JSON that is text already: rows and answers are composed as text for speed. */
export function jsonTextReply(status: number, text: string, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: text };
}

function bytesOf(body: Reply['body']): number | undefined {
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (Array.isArray(body)) return undefined;
  if ('bytes' in body) return body.bytes;
  return body.pieces.reduce((sum, piece) => sum + pieceBytes(piece), 0);
}

function pieceBytes(piece: BodyPiece): number {
  return typeof piece === 'string' ? Buffer.byteLength(piece) : piece.end - piece.start;
}

function streamOf(body: Reply['body'], limit = Number.POSITIVE_INFINITY): Readable {
  if (typeof body === 'string') return Readable.from([Buffer.from(body).subarray(0, limit)]);
  if (Array.isArray(body)) return Readable.from([Buffer.from(body.join('')).subarray(0, limit)]);
  if ('pieces' in body) return Readable.from(readPieces(body, limit));
  const bytes = Math.min(body.bytes, limit);
  return bytes === 0 ? Readable.from([]) : createReadStream(body.path, { end: bytes - 1, highWaterMark: CHUNK_BYTES });
}

async function* readPieces({ path, pieces }: PiecedBody, limit: number): AsyncGenerator<Buffer, void, undefined> {
  const file = await open(path, 'r');
  try {
    let left = limit;
    for (const piece of pieces) {
      const bytes = Math.min(pieceBytes(piece), left);
      if (bytes === 0) continue;
      left -= bytes;
      if (typeof piece === 'string') yield Buffer.from(piece).subarray(0, bytes);
      else yield* readRange(file, piece.start, piece.start + bytes);
    }
  } finally {
    await file.close();
  }
}

async function* readRange(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer, void, undefined> {
  for (let position = start; position < end; ) {
    const length = Math.min(CHUNK_BYTES, end - position);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) throw new Error('A stored result is shorter than it was.');
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** Sends the whole reply. Resolves when it is handed to the socket or the client is gone. */
export async function sendReply(response: ServerResponse, reply: Reply): Promise<void> {
  const length = bytesOf(reply.body);
  response.writeHead(reply.status, {
    ...reply.headers,
    ...(length === undefined ? {} : { 'content-length': String(length) }),
  });
  if (typeof reply.body === 'string') {
    response.end(reply.body);
    return;
  }
  if (Array.isArray(reply.body)) {
    for (const piece of reply.body) response.write(piece);
    response.end();
    return;
  }
  await pipe(streamOf(reply.body), response);
  response.end();
}

/** Sends the headers of the whole reply but only the first bytes of its body, then resets the connection. */
export async function sendCut(response: ServerResponse, reply: Reply, bytes: number): Promise<void> {
  const length = bytesOf(reply.body);
  // Nothing to cut: a reset after the whole answer would hit the next one on the connection.
  if (length !== undefined && length <= bytes) return sendReply(response, reply);
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(length ?? bytes + 1) });
  response.flushHeaders();
  await pipe(streamOf(reply.body, bytes), response);
  // Give what was written a chance to leave before the reset, else the client sees no bytes at all.
  await new Promise((resolve) => setTimeout(resolve, 20));
  response.req.socket.destroy();
}

/**
 * Sends the first bytes as if they were all: no length, end of body = end of connection. Written by hand because
 * node:http would add chunked framing, which shows the client where the body ended.
 */
export async function sendCutClean(response: ServerResponse, reply: Reply, bytes: number): Promise<void> {
  // The request's: a response has none while the one before it on the same connection is not finished.
  const { socket } = response.req;
  const headers = Object.entries({ ...reply.headers, connection: 'close' });
  socket.write(
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n${headers.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`,
  );
  for await (const chunk of streamOf(reply.body, bytes)) socket.write(chunk as Buffer);
  socket.end();
}

async function pipe(source: Readable, response: ServerResponse): Promise<void> {
  try {
    await pipeline(source, response, { end: false });
  } catch {
    // The client went away in the middle: its right.
    response.destroy();
  }
}
