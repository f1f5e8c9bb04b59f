import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlobWriter } from '../blobs.ts';
import { inTransaction } from '../database.ts';
import { readLines } from '../lines.ts';
import { randomHex } from '../random.ts';
import type { SandboxState } from '../state.ts';
import type { BatchRecord, RowTotals } from './batch-record.ts';
import { type BatchDialect, type Dialects, dialectOf, type ResultFile } from './dialect.ts';
import { ENTRY_BYTES, entryAfter, readEntry, spoolName } from './spool.ts';
import { type Timeline, timelineOf } from './timeline.ts';

/** Ends batches whose time has come: fixes their files and books their rows, once. */
export interface Settler {
  settleIfDue(id: string): Promise<void>;
  settleDue(): Promise<void>;
  close(): Promise<void>;
}

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

export function createSettler(state: SandboxState, dialects: Dialects): Settler {
  const running = new Map<string, Promise<void>>();
  let closed = false;
  const settleOnce = (id: string): Promise<void> => {
    const current = running.get(id);
    if (current !== undefined) return current;
    const task = settle(state, dialects, id).finally(() => running.delete(id));
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
async function settle(state: SandboxState, dialects: Dialects, id: string): Promise<void> {
  const record = state.batches.find(id);
  if (record?.phase !== 'executed' || record.spool === null) return;
  const timeline = timelineOf(record);
  const entry = entryAfter(state.blobs, record.spool, timeline.finalRows);
  const totals = entry?.totals ?? NO_TOTALS;
  const execution = nextExecution(state);
  await bookRows(state, record.spool, timeline.finalRows, execution);
  const dialect = dialectOf(dialects, record);
  const file = async (part: 'output' | 'error', bytes: number): Promise<ResultFile> =>
    dialect.unexecutedFile === part
      ? completedFile(state, dialect, record, { part, bytes, timeline })
      : { blob: spoolName(record.spool ?? '', part), bytes };
  const output = await file('output', entry?.outputBytes ?? 0);
  const error = await file('error', entry?.errorBytes ?? 0);
  state.batches.update(id, (current) => {
    // A cancel may have moved the end while the files were prepared: then all of this was for nothing.
    const same = current.phase === 'executed' && timelineOf(current).finalRows === timeline.finalRows;
    if (!same || timelineOf(current).outcome !== timeline.outcome) return undefined;
    bookTotals(state, current, execution, timeline.finalRows, totals);
    const { endMs, outcome } = timeline;
    const details = dialect.settled(state, current, { endMs, outcome, output, error });
    return { ...current, phase: 'settled', totals, details };
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

function bookTotals(
  state: SandboxState,
  { id, provider }: BatchRecord,
  execution: number,
  rows: number,
  totals: RowTotals,
): void {
  state.database.prepare('INSERT INTO executions (execution, batch_id) VALUES (?, ?)').run(execution, id);
  const ledger = state.ledger.of(provider);
  ledger.count('rowsExecuted', rows);
  ledger.count('rowsCharged', totals.charged);
  ledger.count('unpricedRows', totals.unpriced);
  ledger.count('inputTokens', totals.inputTokens);
  ledger.count('outputTokens', totals.outputTokens);
  ledger.count('chargedNanoUsd', totals.chargedNanoUsd);
}

/** The lines of finished rows, and one line for every row that was not executed. */
async function completedFile(
  state: SandboxState,
  dialect: BatchDialect,
  record: BatchRecord,
  { part, bytes, timeline }: { part: 'output' | 'error'; bytes: number; timeline: Timeline },
): Promise<ResultFile> {
  const spool = record.spool ?? '';
  const { outcome, finalRows } = timeline;
  if (finalRows >= record.rows || outcome === 'completed') return { blob: spoolName(spool, part), bytes };
  const blob = await state.blobs.create();
  await copyStart(state.blobs.path(spoolName(spool, part)), bytes, blob);
  let position = 0;
  for await (const ids of readLines(state.blobs.path(spoolName(spool, 'ids')))) {
    let text = '';
    for (const id of ids) {
      if (position >= finalRows) {
        text += dialect.unexecutedLine(record, { customIdJson: id.toString('utf8'), position, outcome });
      }
      position++;
    }
    if (text !== '') await blob.write(Buffer.from(text));
  }
  const name = `${spool}.${randomHex(4)}.${part}`;
  await blob.keep(name);
  return { blob: name, bytes: blob.bytes };
}

async function copyStart(path: string, bytes: number, target: BlobWriter): Promise<void> {
  const source = await open(path, 'r');
  try {
    for (let done = 0; done < bytes; ) {
      const length = Math.min(256 * 1024, bytes - done);
      const { bytesRead, buffer } = await source.read(Buffer.alloc(length), 0, length, done);
      if (bytesRead === 0) break;
      await target.write(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await source.close();
  }
}
