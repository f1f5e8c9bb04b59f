import { closeSync, openSync, readSync } from 'node:fs';
import { FILL_MARKER } from '../answers/fill.ts';
import type { Blobs, BlobWriter } from '../blobs.ts';
import { hash32, seededRandom, shuffledPositions } from '../random.ts';
import type { RowTotals } from './batch-record.ts';
import type { RowResult } from './row.ts';

/**
 * The answers of a whole batch in the order they "finish", before it is known how many the client will get: a batch that
 * expires or is cancelled after k rows delivers the first k. Four files: output lines, error lines, custom ids, and an
 * index with one fixed-size entry per row, so that any k is one small read.
 */
export interface Spool {
  add(row: RowResult): Promise<void>;
  /** Writes the rest and gives the files their names. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

/** An index entry: where both files end after this row, totals so far, and the row's own hash. */
export interface SpoolEntry {
  outputBytes: number;
  errorBytes: number;
  totals: RowTotals;
  bodyHash: Buffer;
  charged: boolean;
}

export const ENTRY_BYTES = 96;
/** Rows are shuffled among so many; more would live long enough to cost garbage collection. */
const WINDOW_ROWS = 100;
const WINDOW_CHARACTERS = 2_000_000;
const WRITE_CHARACTERS = 128 * 1024;
const FILL_CHUNK = Buffer.alloc(256 * 1024, 'x');

export function spoolName(spool: string, part: 'output' | 'error' | 'ids' | 'index'): string {
  return `${spool}.${part}`;
}

/** Collects text and writes it in large pieces. */
function lineFile(blob: BlobWriter) {
  let pending = '';
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const text = pending;
    pending = '';
    if (text !== '') await blob.write(Buffer.from(text));
  };
  return {
    get bytes() {
      return bytes;
    },
    flush,
    async add(text: string): Promise<void> {
      bytes += Buffer.byteLength(text);
      pending += text;
      if (pending.length > WRITE_CHARACTERS) await flush();
    },
    async addFill(count: number): Promise<void> {
      await flush();
      for (let left = count; left > 0; left -= FILL_CHUNK.length) await blob.write(FILL_CHUNK.subarray(0, left));
      bytes += count;
    },
  };
}

export async function createSpool(
  blobs: Blobs,
  name: string,
  { seed, shuffles }: { seed: number; shuffles: boolean },
): Promise<Spool> {
  const parts = ['output', 'error', 'ids', 'index'] as const;
  const [outputBlob, errorBlob, idsBlob, indexBlob] = await Promise.all([
    blobs.create(),
    blobs.create(),
    blobs.create(),
    blobs.create(),
  ]);
  const written = [outputBlob, errorBlob, idsBlob, indexBlob];
  const output = lineFile(outputBlob);
  const error = lineFile(errorBlob);
  const ids = lineFile(idsBlob);
  const totals: RowTotals = {
    completed: 0,
    failed: 0,
    inputTokens: 0,
    outputTokens: 0,
    chargedNanoUsd: 0,
    charged: 0,
    unpriced: 0,
  };
  let window: RowResult[] = [];
  let windowCharacters = 0;
  let windows = 0;
  const truncated: RowResult[] = [];

  const writeRow = async (row: RowResult, entry: Buffer): Promise<void> => {
    if (row.fillBytes > 0 && row.output !== '') {
      const [before = '', after = ''] = row.output.split(FILL_MARKER);
      await output.add(before);
      await output.addFill(row.fillBytes);
      await output.add(after);
    } else if (row.output !== '') await output.add(row.output);
    if (row.error !== '') await error.add(row.error);
    await ids.add(`${JSON.stringify(row.customId)}\n`);
    addTotals(totals, row);
    writeEntry(entry, {
      outputBytes: output.bytes,
      errorBytes: error.bytes,
      totals,
      bodyHash: row.bodyHash,
      charged: row.charged,
    });
  };
  const writeRows = async (rows: readonly RowResult[]): Promise<void> => {
    const entries = Buffer.alloc(rows.length * ENTRY_BYTES);
    for (const [i, row] of rows.entries()) {
      await writeRow(row, entries.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES));
    }
    await indexBlob.write(entries);
  };
  const flushWindow = async (): Promise<void> => {
    const rows = shuffles ? shuffled(window, hash32(String(windows++), seed)) : window;
    window = [];
    windowCharacters = 0;
    await writeRows(rows);
  };
  return {
    async add(row) {
      if (row.truncate) {
        truncated.push(row);
        return;
      }
      window.push(row);
      windowCharacters += row.output.length + row.error.length;
      if (window.length >= WINDOW_ROWS || windowCharacters >= WINDOW_CHARACTERS) await flushWindow();
    },
    async keep() {
      await flushWindow();
      const last = truncated.at(-1);
      if (last !== undefined) last.output = last.output.slice(0, Math.floor(last.output.length * 0.6));
      await writeRows(truncated);
      await Promise.all([output.flush(), error.flush(), ids.flush()]);
      for (const [i, part] of parts.entries()) await written[i]?.keep(spoolName(name, part));
    },
    async discard() {
      await Promise.all(written.map((blob) => blob.discard()));
      await Promise.all(parts.map((part) => blobs.remove(spoolName(name, part))));
    },
  };
}

function shuffled(rows: readonly RowResult[], seed: number): RowResult[] {
  const order = shuffledPositions(rows.length, seededRandom(seed));
  return order.map((position) => rows[position]).filter((row) => row !== undefined);
}

function addTotals(totals: RowTotals, row: RowResult): void {
  if (row.completed) totals.completed++;
  else totals.failed++;
  totals.inputTokens += row.inputTokens;
  totals.outputTokens += row.outputTokens;
  totals.chargedNanoUsd += row.costNanoUsd ?? 0;
  if (row.charged) totals.charged++;
  if (row.charged && row.costNanoUsd === undefined) totals.unpriced++;
}

function writeEntry(entry: Buffer, { outputBytes, errorBytes, totals, bodyHash, charged }: SpoolEntry): void {
  entry.writeDoubleLE(outputBytes, 0);
  entry.writeDoubleLE(errorBytes, 8);
  entry.writeDoubleLE(totals.inputTokens, 16);
  entry.writeDoubleLE(totals.outputTokens, 24);
  entry.writeDoubleLE(totals.chargedNanoUsd, 32);
  entry.writeUInt32LE(totals.completed, 40);
  entry.writeUInt32LE(totals.failed, 44);
  entry.writeUInt32LE(totals.charged, 48);
  entry.writeUInt32LE(totals.unpriced, 52);
  entry.writeUInt8(charged ? 1 : 0, 56);
  bodyHash.copy(entry, 64);
}

export function readEntry(entry: Buffer): SpoolEntry {
  return {
    outputBytes: entry.readDoubleLE(0),
    errorBytes: entry.readDoubleLE(8),
    totals: {
      inputTokens: entry.readDoubleLE(16),
      outputTokens: entry.readDoubleLE(24),
      chargedNanoUsd: entry.readDoubleLE(32),
      completed: entry.readUInt32LE(40),
      failed: entry.readUInt32LE(44),
      charged: entry.readUInt32LE(48),
      unpriced: entry.readUInt32LE(52),
    },
    charged: entry.readUInt8(56) === 1,
    bodyHash: entry.subarray(64, 96),
  };
}

/** The entry after the first `rows` rows; `undefined` for none. Synchronous: one read of 96 bytes. */
export function entryAfter(blobs: Blobs, spool: string, rows: number): SpoolEntry | undefined {
  if (rows === 0) return undefined;
  const file = openSync(blobs.path(spoolName(spool, 'index')), 'r');
  try {
    const entry = Buffer.alloc(ENTRY_BYTES);
    readSync(file, entry, 0, ENTRY_BYTES, (rows - 1) * ENTRY_BYTES);
    return readEntry(entry);
  } finally {
    closeSync(file);
  }
}
