import type { Writable } from 'node:stream';
import { messageOf, OffpeakError } from '../errors.ts';
import { collectChunks, type TextTarget } from './text-target.ts';

/**
 * Writes to a stream that somebody else owns, as a rule `process.stdout`; the stream is never closed. A reader that
 * leaves (`offpeak export … | head`) is a quiet end: the rest is dropped and nothing is thrown.
 */
export function createStreamTarget(stream: Writable): TextTarget {
  let readerLeft = false;
  // Node also emits the error of a failed write; without a listener that would end the process.
  const onError = () => {};
  stream.on('error', onError);

  const chunks = collectChunks(async (chunk) => {
    if (readerLeft) return;
    const error = await writeWhole(stream, chunk);
    if (!error) return;
    if (!isReaderGone(error)) {
      throw new OffpeakError(`Cannot write results to the output stream: ${messageOf(error)}. Try again with a file.`, {
        code: 'internal',
        cause: error,
      });
    }
    readerLeft = true;
  });

  // After a failed write the listener stays: the stream emits its error only after the write's callback.
  const release = () => {
    if (!stream.destroyed && !stream.errored) stream.off('error', onError);
  };
  return {
    write: (text) => chunks.add(text),
    async end() {
      await chunks.flush();
      release();
    },
    async abort() {
      chunks.clear();
      release();
    },
  };
}

/** Waits until the chunk has left the process, which is the back-pressure of pipes, files and terminals alike. */
function writeWhole(stream: Writable, chunk: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    stream.write(chunk, 'utf8', (error) => resolve(error ?? undefined));
  });
}

function isReaderGone(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ECONNRESET';
}
