import { open } from 'node:fs/promises';
import { spoolName } from '../../batches/spool.ts';
import type { Call } from '../../call.ts';
import { type BodyPiece, jsonReply, type Reply } from '../../reply.ts';
import type { SandboxState } from '../../state.ts';
import { XAI, type XaiBatch } from './batch-details.ts';
import { ROW_END, resultRow } from './dialect.ts';
import { pageToken, readPage } from './paging.ts';
import { progressOf } from './progress.ts';
import type { IndexedRow, RowIndex } from './row-index.ts';

/** What is said of a row that was not executed. "Batch expired" is unconfirmed. */
const NOT_EXECUTED = { cancelled: 'Batch cancelled', expired: 'Batch expired' };
const NEWLINE = 0x0a;

/**
 * A page of results, sorted by id; before the end of the batch, of the rows that have one. It is put together from
 * ranges of the stored answers: rows of any size go from the disk to the client. What a fault has made of a row is what
 * the page has there, which then is no JSON as a whole.
 */
export async function resultsPage(state: SandboxState, index: RowIndex, record: XaiBatch, call: Call): Promise<Reply> {
  const page = readPage(call);
  if ('refusal' in page) return page.refusal;
  state.ledger.of(XAI).count('downloads');
  const { spool } = record;
  const { rows, finished, others } = progressOf(record, state.clock.now());
  if (spool === null || rows === 0) return jsonReply(200, { results: [], pagination_token: null });
  await index.ensure(spool);
  const shown = others === 'pending' ? finished : rows;
  const found = index.page({ spool, after: page.after, finished: shown, limit: page.limit + 1 });
  const onPage = found.slice(0, page.limit);
  const path = state.blobs.path(spoolName(spool, 'output'));
  const pieces: BodyPiece[] = ['{"results":['];
  for (const row of onPage) {
    if (row.position >= finished) pieces.push(notExecuted(row, others));
    else if (row.end > row.start) pieces.push({ start: row.start, end: row.end });
    // A line that was cut lies at the end of all; the page that has it ends with it.
    if (row.position === rows - 1 && row.position < finished && (await isCut(path, row))) return answer(path, pieces);
  }
  dropLastSeparator(pieces);
  const last = onPage.at(-1);
  const token = found.length > page.limit && last !== undefined ? pageToken(last.key) : null;
  pieces.push(`],"pagination_token":${JSON.stringify(token)}}`);
  return answer(path, pieces);
}

function answer(path: string, pieces: BodyPiece[]): Reply {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: { path, pieces } };
}

function notExecuted({ key }: IndexedRow, others: 'pending' | 'cancelled' | 'expired'): string {
  const error = others === 'expired' ? NOT_EXECUTED.expired : NOT_EXECUTED.cancelled;
  return resultRow(`${key}"`, JSON.stringify({ error }));
}

/** Every row brings the comma behind it; the last of a page has none. */
function dropLastSeparator(pieces: BodyPiece[]): void {
  if (pieces.length === 1) return;
  const last = pieces.pop() ?? '';
  if (typeof last === 'string') pieces.push(last.slice(0, -ROW_END.length));
  else pieces.push({ start: last.start, end: last.end - ROW_END.length });
}

async function isCut(path: string, { start, end }: IndexedRow): Promise<boolean> {
  if (end === start) return false;
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, end - 1);
    return buffer[0] !== NEWLINE;
  } finally {
    await file.close();
  }
}
