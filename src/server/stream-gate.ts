import type { ServerResponse } from 'node:http';
import { HttpProblem } from './problem.ts';

/** Answers that have no end of their own: counted, and all ended at once when the server closes. */
export interface StreamGate {
  /** A place for one more, or throws 503. The signal is set when the client leaves or the server closes. */
  enter(response: ServerResponse): AbortSignal;
  readonly open: number;
  close(): void;
}

export function createStreamGate(most: number): StreamGate {
  const streams = new Set<AbortController>();
  let isClosed = false;
  return {
    enter(response) {
      if (streams.size >= most || isClosed) {
        throw new HttpProblem(503, {
          code: 'too_many_streams',
          detail: isClosed ? 'The server is closing.' : `${most} streams are open, which is the most.`,
          headers: { 'retry-after': '10' },
        });
      }
      const stream = new AbortController();
      streams.add(stream);
      response.once('close', () => {
        streams.delete(stream);
        stream.abort();
      });
      // It may be silent for hours; a peer that is gone without a word is found by TCP itself.
      response.socket?.setTimeout(0);
      response.socket?.setKeepAlive(true, 30_000);
      return stream.signal;
    },
    get open() {
      return streams.size;
    },
    close() {
      isClosed = true;
      for (const stream of streams) stream.abort();
    },
  };
}
