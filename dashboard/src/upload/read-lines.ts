/** A line of a file, or why it is none. Numbers begin at 1. */
export interface Line {
  number: number;
  text: string;
  error?: string;
}

const newline = 0x0a;

/**
 * The lines of a file, as many at a time as a piece of it holds; memory holds a piece and a line. Cut on byte 0x0A only:
 * the other line ends of Unicode are allowed inside JSON.
 */
export async function* readLines(stream: ReadableStream<Uint8Array>, maxLineBytes: number): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  let isTooLong = false;
  let number = 0;

  const take = (bytes: Uint8Array) => {
    if (restBytes + bytes.length > maxLineBytes) isTooLong = true;
    // What is too long is counted, not kept.
    if (!isTooLong && bytes.length > 0) rest.push(bytes);
    restBytes += bytes.length;
  };
  const endLine = (): Line => {
    number += 1;
    const line = isTooLong
      ? { number, text: '', error: `longer than ${Math.floor(maxLineBytes / 1_000_000)} MB` }
      : decodeLine(decoder, rest, restBytes, number);
    rest = [];
    restBytes = 0;
    isTooLong = false;
    return line;
  };

  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines: Line[] = [];
      let from = 0;
      for (let at = value.indexOf(newline); at >= 0; at = value.indexOf(newline, from)) {
        take(value.subarray(from, at));
        lines.push(endLine());
        from = at + 1;
      }
      // A copy: the browser may use the piece's memory again.
      take(value.slice(from));
      if (lines.length > 0) yield lines;
    }
    if (restBytes > 0) yield [endLine()];
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function decodeLine(decoder: TextDecoder, parts: readonly Uint8Array[], bytes: number, number: number): Line {
  try {
    return { number, text: decoder.decode(joined(parts, bytes)).replace(/\r$/, '') };
  } catch {
    return { number, text: '', error: 'not UTF-8 text' };
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
