/**
 * Splitting JSONL. A record ends at byte 0x0A and nowhere else: Node's `readline` also splits on a bare CR, and from
 * Node 24 on at U+2028, both of which are legal inside a JSON string.
 */

export type Line =
  | { number: number; text: string; tooLong?: undefined }
  /** A line above `maxLineBytes`: only its first 64 KiB are kept, `bytes` says how long it was. */
  | { number: number; tooLong: true; bytes: number; text: string };

export interface SplitLinesOptions {
  /** Longest line that is handed out whole, in bytes without its end; default 64 MiB, at most what a V8 string holds. */
  maxLineBytes?: number;
}

const defaultMaxLineBytes = 64 * 1024 * 1024;
const keptOfTooLong = 64 * 1024;
const longestString = 536_870_888;
const lineFeed = 0x0a;

/**
 * Each line of a byte stream, numbered from 1, without its 0x0A. Everything else is kept (a CR before the end, a BOM);
 * bytes that are not UTF-8 become U+FFFD. The last line needs no end; an empty rest after the last end is no line.
 * Per line this costs one `await`: where speed counts, use `splitLineBatches`.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  options: SplitLinesOptions = {},
): AsyncGenerator<Line> {
  for await (const lines of splitLineBatches(chunks, options)) yield* lines;
}

/** As `splitLines`, but yields all lines that a chunk completed at once; never an empty array. */
export async function* splitLineBatches(
  chunks: AsyncIterable<Uint8Array>,
  options: SplitLinesOptions = {},
): AsyncGenerator<Line[]> {
  const splitter = new LineSplitter(options.maxLineBytes ?? defaultMaxLineBytes);
  for await (const chunk of chunks) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last) yield [last];
}

/** Holds the beginning of the line that the last chunk did not end. */
class LineSplitter {
  readonly #maxLineBytes: number;
  #number = 0;
  /** The beginning of the open line: never more than `maxLineBytes`, or 64 KiB if that is more. */
  #pieces: Buffer[] = [];
  #heldBytes = 0;
  /** Length of the open line so far, held or not. */
  #lineBytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = Math.min(maxLineBytes, longestString);
  }

  push(chunk: Uint8Array): Line[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, start)) {
      lines.push(this.#lineBytes === 0 ? this.#whole(bytes, start, end) : this.#joined(bytes.subarray(start, end)));
      start = end + 1;
    }
    if (start < bytes.length) this.#hold(bytes.subarray(start));
    return lines;
  }

  end(): Line | undefined {
    return this.#lineBytes === 0 ? undefined : this.#joined(Buffer.alloc(0));
  }

  /** A line that lies in one chunk, by far the most frequent case: no copy before decoding. */
  #whole(bytes: Buffer, start: number, end: number): Line {
    const number = ++this.#number;
    const length = end - start;
    if (length <= this.#maxLineBytes) return { number, text: bytes.toString('utf8', start, end) };
    return tooLong(number, length, bytes.subarray(start, end));
  }

  #joined(rest: Buffer): Line {
    this.#hold(rest);
    const number = ++this.#number;
    const length = this.#lineBytes;
    const [first] = this.#pieces;
    const held = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces, this.#heldBytes);
    this.#pieces = [];
    this.#heldBytes = 0;
    this.#lineBytes = 0;
    if (length <= this.#maxLineBytes) return { number, text: held.toString() };
    return tooLong(number, length, held);
  }

  #hold(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#lineBytes += piece.length;
    const room = this.#lineBytes <= this.#maxLineBytes ? piece.length : keptOfTooLong - this.#heldBytes;
    if (room > 0) {
      // A copy: the owner of the chunk may write its next bytes into the same memory.
      const kept = Buffer.from(piece.subarray(0, room));
      this.#pieces.push(kept);
      this.#heldBytes += kept.length;
    }
  }
}

function tooLong(number: number, bytes: number, held: Buffer): Line {
  return { number, tooLong: true, bytes, text: held.toString('utf8', 0, keptOfTooLong) };
}
