import { OffpeakError } from '../errors.ts';
import type { UploadInput } from '../provider.ts';

/** Lines are gathered to this size: 642 MB/s at 64 KiB, 546 at 256 KiB, which also fits a slow line's time-out better. */
export const chunkBytes = 64 * 1024;

/** What stands around the body of a request in its line. */
export interface JsonlForm {
  head(customId: string): string;
  /** Ends with the line feed. */
  tail: string;
}

export function jsonlLineBytes(form: JsonlForm, bodyBytes: number, customId: string): number {
  return Buffer.byteLength(form.head(customId)) + bodyBytes + form.tail.length;
}

/** The JSONL body by concatenation alone: the bodies are JSON text already and must arrive byte for byte. */
export async function* jsonlChunks(
  action: string,
  form: JsonlForm,
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
    lines += form.head(customId) + body + form.tail;
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
