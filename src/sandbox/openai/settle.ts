import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inTransaction } from '../database.ts';
import { readLines } from '../lines.ts';
import { randomBase62, randomHex } from '../random.ts';
import type { SandboxState } from '../state.ts';
import type { BatchRecord, RowTotals } from './batch-record.ts';
import { type Timeline, timelineOf } from './batch-timeline.ts';
import type { FileRecord } from './file-store.ts';
import { unexecutedLine } from './row.ts';
import { ENTRY_BYTES, entryAfter, readEntry, spoolName } from './spool.ts';

/** Ends batches whose time has come: fixes their files and books their rows, once. */
export interface Settler {
  settleIfDue(id: string): Promise<void>;
  settleDue(): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_EXPIRY_MS = 30 * 24 * 3_600_000;
const ROWS_PER_TRANSACTION = 1000;
const NO_TOTALS: RowTotals = {
  completed: 0,
  failed: 0,
  inputTokens: 0,
  outputTokens: 0,
  chargedNanoUsd: 0,
  charged: 0,
  unpriced: 0,
};

export function createSettler(state: SandboxState): Settler {
  const running = new Map<string, Promise<void>>();
  let closed = false;
  const settleOnce = (id: string): Promise<void> => {
    const current = running.get(id);
    if (current !== undefined) return current;
    const task = settle(state, id).finally(() => running.delete(id));
    running.set(id, task);
    return task;
  };
  return {
    async settleIfDue(id) {
      const record = state.batches.find(id);
      if (closed || record?.phase !== 'executed' || timelineOf(record).endMs > state.clock.now()) return;
      await settleOnce(id);
    },
    async settleDue() {
      if (closed) return;
      await Promise.all(state.batches.due(state.clock.now()).map(settleOnce));
    },
    async close() {
      closed = true;
      await Promise.allSettled(running.values());
    },
  };
}

/**
 * Two processes may settle the same batch at once, and one may die half way: rows are booked under an execution number
 * that counts only when the last transaction, which one of them wins, says so.
 */
async function settle(state: SandboxState, id: string): Promise<void> {
  const record = state.batches.find(id);
  if (record?.phase !== 'executed' || record.spool === null) return;
  const timeline = timelineOf(record);
  const entry = entryAfter(state.blobs, record.spool, timeline.finalRows);
  const totals = entry?.totals ?? NO_TOTALS;
  const execution = nextExecution(state);
  await bookRows(state, record.spool, timeline.finalRows, execution);
  const errorFile = await prepareErrorFile(state, record, timeline, entry?.errorBytes ?? 0);
  const expiresMs = timeline.endMs + (record.outputExpiresSeconds ?? DEFAULT_EXPIRY_MS / 1000) * 1000;
  const fileBase = { account: record.account, purpose: 'batch_output', createdMs: timeline.endMs, expiresMs };
  const output: FileRecord = {
    ...fileBase,
    id: `file-${randomBase62(22)}`,
    filename: `${id}_output.jsonl`,
    bytes: entry?.outputBytes ?? 0,
    blob: spoolName(record.spool, 'output'),
  };
  const error: FileRecord = {
    ...fileBase,
    ...errorFile,
    id: `file-${randomBase62(22)}`,
    filename: `${id}_error.jsonl`,
  };
  state.batches.update(id, (current) => {
    // A cancel may have moved the end while the files were prepared: then all of this was for nothing.
    const same = current.phase === 'executed' && timelineOf(current).finalRows === timeline.finalRows;
    if (!same || timelineOf(current).outcome !== timeline.outcome) return undefined;
    if (output.bytes > 0) state.files.insert(output);
    if (error.bytes > 0) state.files.insert(error);
    bookTotals(state, id, execution, timeline.finalRows, totals);
    return {
      ...current,
      phase: 'settled',
      totals,
      outputFileId: output.bytes > 0 ? output.id : null,
      errorFileId: error.bytes > 0 ? error.id : null,
    };
  });
}

function nextExecution(state: SandboxState): number {
  const row = state.database
    .prepare(
      `INSERT INTO counters (name, value) VALUES ('lastExecution', 1)
       ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value`,
    )
    .get();
  return Number(row?.value ?? 1);
}

async function bookRows(state: SandboxState, spool: string, rows: number, execution: number): Promise<void> {
  if (rows === 0) return;
  const handle = await open(state.blobs.path(spoolName(spool, 'index')), 'r');
  try {
    const slice = Buffer.alloc(ROWS_PER_TRANSACTION * ENTRY_BYTES);
    for (let first = 0; first < rows; first += ROWS_PER_TRANSACTION) {
      const count = Math.min(ROWS_PER_TRANSACTION, rows - first);
      await handle.read(slice, 0, count * ENTRY_BYTES, first * ENTRY_BYTES);
      inTransaction(state.database, () => {
        for (let i = 0; i < count; i++) {
          const { bodyHash, charged } = readEntry(slice.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES));
          state.ledger.addRow(bodyHash, execution, first + i, charged);
        }
      });
      await nextTurn();
    }
  } finally {
    await handle.close();
  }
}

function bookTotals(state: SandboxState, id: string, execution: number, rows: number, totals: RowTotals): void {
  state.database.prepare('INSERT INTO executions (execution, batch_id) VALUES (?, ?)').run(execution, id);
  const { ledger } = state;
  ledger.count('rowsExecuted', rows);
  ledger.count('rowsCharged', totals.charged);
  ledger.count('unpricedRows', totals.unpriced);
  ledger.count('inputTokens', totals.inputTokens);
  ledger.count('outputTokens', totals.outputTokens);
  ledger.count('chargedNanoUsd', totals.chargedNanoUsd);
}

/** The error lines of finished rows, and one line for every row that was not executed. */
async function prepareErrorFile(
  state: SandboxState,
  record: BatchRecord,
  timeline: Timeline,
  finishedBytes: number,
): Promise<{ blob: string; bytes: number }> {
  const spool = record.spool ?? '';
  const finished = state.blobs.path(spoolName(spool, 'error'));
  const { outcome } = timeline;
  if (timeline.finalRows >= record.rows || outcome === 'completed') {
    return { blob: spoolName(spool, 'error'), bytes: finishedBytes };
  }
  const blob = await state.blobs.create();
  const source = await open(finished, 'r');
  try {
    for (let done = 0; done < finishedBytes; ) {
      const length = Math.min(256 * 1024, finishedBytes - done);
      const { bytesRead, buffer } = await source.read(Buffer.alloc(length), 0, length, done);
      if (bytesRead === 0) break;
      await blob.write(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await source.close();
  }
  let position = 0;
  const prefix = record.id.slice('batch_'.length, 'batch_'.length + 23);
  for await (const ids of readLines(state.blobs.path(spoolName(spool, 'ids')))) {
    let text = '';
    for (const customIdJson of ids) {
      if (position >= timeline.finalRows) {
        const idSeed = `${prefix}f${position.toString(16).padStart(8, '0')}`;
        text += unexecutedLine(idSeed, customIdJson.toString('utf8'), outcome);
      }
      position++;
    }
    if (text !== '') await blob.write(Buffer.from(text));
  }
  const name = `${spool}.${randomHex(4)}.error`;
  await blob.keep(name);
  return { blob: name, bytes: blob.bytes };
}
