import { open } from 'node:fs/promises';

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * The lines of a file, some hundred at a time, split on byte 0x0A only. A last line without newline counts.
 * Chunks of lines, not single lines: an `await` per line would cost more than reading it. The lines lie in one buffer
 * that is used again: they are valid only until the next chunk is asked for.
 */
export async function* readLines(path: string): AsyncGenerator<Buffer[], void, undefined> {
  const handle = await open(path, 'r');
  try {
    const shared = Buffer.allocUnsafe(CHUNK_BYTES);
    let pending: Buffer[] = [];
    for (;;) {
      const { bytesRead } = await handle.read(shared, 0, CHUNK_BYTES);
      if (bytesRead === 0) break;
      const chunk = shared.subarray(0, bytesRead);
      const lines: Buffer[] = [];
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        const piece = chunk.subarray(start, end);
        lines.push(pending.length === 0 ? piece : Buffer.concat([...pending, piece]));
        pending = [];
        start = end + 1;
      }
      if (start < chunk.length) pending.push(Buffer.from(chunk.subarray(start)));
      if (lines.length > 0) yield lines;
    }
    if (pending.length > 0) yield [Buffer.concat(pending)];
  } finally {
    await handle.close();
  }
}
