import type { Batch } from '../batch.ts';
import { parseCustomId } from '../ids.ts';
import type { Outcome } from '../outcome.ts';
import type { RemoteBatch, ResultLine } from '../provider.ts';
import type { BookRow, QuarantinedLine } from '../store-rows.ts';
import { chunkRows } from '../store-rows.ts';
import {
  type BookedJob,
  backoffMs,
  batchApiOf,
  type Engine,
  isCancelling,
  leaseOf,
  nextTurn,
  providerOf,
} from './engine.ts';
import { type OneAhead, oneAhead } from './one-ahead.ts';
import { type Judge, judge, retryTogether } from './retry.ts';

/** Times that the results are read again while rows are missing from them, before the rows are taken for missing. */
const rereads = 2;
/** The same, when the provider says itself that it has finished more rows than its files hold. */
const rereadsAgainstCounts = 8;

/** Most lines that match nothing and are kept word for word. */
const maxQuarantined = 1000;

/**
 * Reads an ended batch's results off the wire into the store, chunk by chunk, each chunk durable before the next, and
 * accounts for every row that was sent. May stop anywhere and be done again: booking twice changes nothing. The end of
 * the stream proves nothing (a body that ends with its connection is cut without an error), so completeness is counted
 * against what was sent.
 */
export async function collect(engine: Engine, ended: Batch, signal: AbortSignal): Promise<Batch> {
  const { store, clock } = engine;
  const lease = leaseOf(ended);
  const api = batchApiOf(engine, ended);
  const batch =
    ended.state === 'collecting' ? ended : await store.updateBatch(lease, { state: 'collecting' }, clock.now());
  const remote = await api.get(batch.remoteId ?? '', signal);
  const collecting = await startCollecting(engine, batch);

  try {
    for await (const line of api.results(remote, signal)) {
      engine.crashpoint('C14');
      collecting.booking.check();
      addLine(collecting, line);
      if (collecting.rows.length >= windowRows || collecting.bytes >= windowBytes) await flush(collecting);
      await writeStrange(collecting);
    }
    await flush(collecting);
    await collecting.booking.done();
  } catch (error) {
    // Whatever has ended the reading: nothing is booked after us, and what could not be booked weighs more.
    await collecting.booking.done();
    throw error;
  }
  if (signal.aborted) return batch;

  const complete = await isComplete(engine, batch);
  const isContradicted = (remote.counts?.succeeded ?? 0) > collecting.succeeded;
  // Of one that still runs (its counters had not settled), nothing is missing yet.
  const mayMiss = remote.phase !== 'running' && batch.absences >= (isContradicted ? rereadsAgainstCounts : rereads);
  const isLast = complete || mayMiss;
  // A line cut in the middle may come whole when it is read again.
  await store.quarantine(lease, isLast ? collecting.strange : collecting.strange.filter(isReadable));
  if (!isLast) {
    const absences = batch.absences + 1;
    const nextAt = clock.now() + backoffMs(engine.retry, absences, engine.random);
    return store.updateBatch(lease, { absences, nextAt }, clock.now());
  }
  if (!complete) await bookMissing(collecting, remote);
  engine.crashpoint('C17');
  return store.updateBatch(lease, { state: 'collected' }, clock.now());
}

/**
 * Results may come in any order. So many are gathered and booked in the order of their jobs, for neighbours share pages
 * of the store: of 100,000 rows in random order, one after another book 3,100 a second, so 17,000.
 */
const windowRows = 4 * chunkRows;
const windowBytes = 2 * 1024 * 1024;

interface Collecting {
  engine: Engine;
  batch: Batch;
  judging: Judge;
  /** Read, not yet booked; `bytes` is what their texts take, and the answers that are to be mended. */
  rows: BookRow[];
  bytes: number;
  /** The window before, which is booked while this one is read. */
  booking: OneAhead;
  /** Kept apart, not yet written; `strangeBytes` is what they take, and `strangers` how many there were in all. */
  strange: QuarantinedLine[];
  strangeBytes: number;
  strangers: number;
  /** Answers that break their schema, by their rows. */
  toMend: Map<BookRow, string>;
  /** Rows of this reading that the provider calls successful, whatever we make of their answers. */
  succeeded: number;
}

async function startCollecting(engine: Engine, batch: Batch): Promise<Collecting> {
  const run = await engine.store.getRun(batch.runId);
  const recipe = engine.createRecipe(run?.recipe ?? { type: 'none' });
  const judging: Judge = {
    recipe,
    price: engine.priceOf(batch.provider, batch.model),
    inBatch: true,
    hedged: batch.hedged,
    cancelling: isCancelling(run, batch),
    retryAt: retryTogether(engine),
  };
  const nothing = {
    rows: [],
    bytes: 0,
    booking: oneAhead(),
    strange: [],
    strangeBytes: 0,
    strangers: 0,
    toMend: new Map(),
    succeeded: 0,
  };
  return { engine, batch, judging, ...nothing };
}

function addLine(collecting: Collecting, line: ResultLine): void {
  const { engine, batch, judging, rows } = collecting;
  const id = line.customId === undefined ? undefined : parseCustomId(line.customId);
  if (id && id.nonce === batch.nonce) {
    const row = judge(engine, { job: id.job, attempt: id.attempt }, line.outcome, judging);
    rows.push(row);
    collecting.bytes += (row.output?.length ?? 0) + (row.response?.length ?? 0);
    if (line.outcome.type !== 'succeeded') return;
    collecting.succeeded += 1;
    if (row.next !== 'retry') return;
    collecting.toMend.set(row, line.outcome.output);
    collecting.bytes += line.outcome.output.length;
  } else {
    const reason = line.customId === undefined ? 'malformed' : 'unknown_id';
    const named = line.customId === undefined ? {} : { customId: line.customId };
    keepApart(collecting, { reason, line: line.raw, ...named });
  }
}

function keepApart(collecting: Collecting, line: QuarantinedLine): void {
  if (collecting.strangers >= maxQuarantined) return;
  collecting.strangers += 1;
  collecting.strange.push(line);
  collecting.strangeBytes += line.line.length;
}

/** Before they take much memory; all but those that another reading may bring whole, which go at the end. */
async function writeStrange(collecting: Collecting): Promise<void> {
  if (collecting.strangeBytes < windowBytes) return;
  const { engine, batch, strange } = collecting;
  collecting.strange = strange.filter((line) => !isReadable(line));
  collecting.strangeBytes = 0;
  await engine.store.quarantine(leaseOf(batch), strange.filter(isReadable));
}

/** Begins to book the window that was read; no more than two are in memory. */
async function flush(collecting: Collecting): Promise<void> {
  // The first of two lines for one job stays the first.
  const rows = collecting.rows.sort((a, b) => a.job - b.job);
  collecting.rows = [];
  collecting.bytes = 0;
  await collecting.booking.begin(() => bookWindow(collecting, rows));
}

async function bookWindow(collecting: Collecting, rows: readonly BookRow[]): Promise<void> {
  let chunk: BookRow[] = [];
  let bytes = 0;
  for (const [i, row] of rows.entries()) {
    const mended = await mend(collecting, row);
    chunk.push(mended);
    // A correction holds its request once more: a window of them would be many times the answers that were read.
    bytes += mended.correction?.length ?? 0;
    if (chunk.length < chunkRows && bytes < windowBytes && i < rows.length - 1) continue;
    await bookChunk(collecting, chunk);
    chunk = [];
    bytes = 0;
    // Lines of one network chunk come without a pause between them; the server must get its turn.
    await nextTurn();
  }
}

/** Of an answer that came twice so much is kept, as of other lines that are kept apart. */
const keptBytes = 64 * 1024;

async function bookChunk(collecting: Collecting, rows: readonly BookRow[]): Promise<void> {
  const { engine, batch } = collecting;
  engine.crashpoint('C15');
  const booked = await engine.store.book(rows, leaseOf(batch));
  engine.crashpoint('C16');
  const unknown = new Set(booked.unknown);
  for (const row of [...booked.duplicates, ...booked.unknown]) {
    if (collecting.strangers >= maxQuarantined) break;
    const reason = unknown.has(row) ? 'unknown_id' : 'duplicate';
    // Copied: a slice would keep the whole answer in memory.
    const output = Buffer.from((row.output ?? '').slice(0, keptBytes))
      .subarray(0, keptBytes)
      .toString();
    keepApart(collecting, { reason, line: JSON.stringify({ job: row.job, attempt: row.attempt, output }) });
  }
  await writeStrange(collecting);
  engine.emit({ type: 'booked', rows: rows.slice(-5).map((row) => toBookedJob(row, batch.submittedAt)) });
}

/** The row with its job's next request, when its answer is to be mended. */
async function mend({ engine, batch, toMend }: Collecting, row: BookRow): Promise<BookRow> {
  const answer = toMend.get(row);
  if (answer === undefined) return row;
  toMend.delete(row);
  const [request] = await engine.store.readRequests(batch.id, row.job - 1, 1);
  if (request?.job !== row.job) return row;
  const sent = { endpoint: batch.endpoint, body: request.body };
  const correction = providerOf(engine, batch.account).askAgain(sent, answer, row.errorMessage ?? '');
  return correction === undefined ? row : { ...row, correction };
}

export function toBookedJob(row: BookRow, startedAt = row.at): BookedJob {
  const succeeded = row.next === 'succeeded';
  // Copied: a slice would keep the whole answer in memory for as long as somebody shows its beginning.
  const text = Buffer.from((succeeded ? row.output : row.errorMessage)?.slice(0, 200) ?? '').toString();
  return { job: row.job, succeeded, text, seconds: (row.at - startedAt) / 1000 };
}

function isReadable(line: QuarantinedLine): boolean {
  return line.reason !== 'malformed';
}

async function isComplete(engine: Engine, batch: Batch): Promise<boolean> {
  for await (const _ of openRows(engine, batch, 1)) return false;
  return true;
}

/** Rows among which one look searches for those without an end: of 50,000, one look took 27 ms. */
const searchedRows = 10_000;

/** The batch's rows that have no end yet, in chunks. What was given out need not be booked before the next is asked for. */
async function* openRows(engine: Engine, batch: Batch, limit: number) {
  let afterJob = 0;
  for (;;) {
    const far = { afterJob, limit: 1, skip: searchedRows - 1, openOnly: false };
    const [last] = await engine.store.readAttempts(batch.id, far);
    const near = { afterJob, limit, openOnly: true, ...(last && { untilJob: last.job }) };
    const open = await engine.store.readAttempts(batch.id, near);
    if (open.length > 0) yield open;
    // A full chunk may have left some of those it searched.
    const seen = open.length === limit ? open.at(-1) : last;
    if (!seen) return;
    afterJob = seen.job;
    await nextTurn();
  }
}

/** Rows that are in no result file, after reading them several times. */
async function bookMissing(collecting: Collecting, remote: RemoteBatch): Promise<void> {
  const { engine, batch, judging } = collecting;
  const outcome: Outcome =
    remote.rawStatus === 'expired' || remote.rawStatus === 'cancelled'
      ? { type: remote.rawStatus, message: `the batch ${remote.rawStatus} before this request was run` }
      : {
          type: 'failed',
          code: 'missing',
          message: `the provider's results of ${batch.remoteId} have no line for this request`,
          retryable: true,
        };
  for await (const open of openRows(engine, batch, chunkRows)) {
    const rows = open.map((attempt) => judge(engine, attempt, outcome, judging));
    await engine.store.book(rows, leaseOf(batch));
    engine.emit({ type: 'booked', rows: rows.slice(-5).map((row) => toBookedJob(row, batch.submittedAt)) });
  }
}
