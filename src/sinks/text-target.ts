/** Where a sink's text goes. One writer at a time: the caller awaits each call before the next. */
export interface TextTarget {
  /** Resolves when more may be written, so that a slow disk or reader slows the sink down. */
  write(text: string): Promise<void>;
  /** Only now is the output complete: what was collected is out, and a file is at its name. */
  end(): Promise<void>;
  /** Throws away what can be thrown away. May follow a failed `end`, and may be called twice. */
  abort(): Promise<void>;
}

/** A write of 64 KB costs hardly more than one of 100 bytes; above it nothing is gained. */
const chunkLength = 64 * 1024;

export interface ChunkCollector {
  add(text: string): Promise<void>;
  flush(): Promise<void>;
  clear(): void;
}

/** Collects small texts and hands them on in chunks of about 64 KB. Texts are never cut. */
export function collectChunks(writeChunk: (chunk: string) => Promise<void>): ChunkCollector {
  let parts: string[] = [];
  let length = 0;
  const clear = () => {
    parts = [];
    length = 0;
  };
  const flush = async () => {
    if (length === 0) return;
    const chunk = parts.join('');
    clear();
    await writeChunk(chunk);
  };
  return {
    clear,
    flush,
    async add(text) {
      parts.push(text);
      length += text.length;
      if (length >= chunkLength) await flush();
    },
  };
}
