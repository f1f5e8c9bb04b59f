import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { OffpeakError } from '../errors.ts';
import type { Result } from '../service/contract/batches.ts';
import type { RouteContext } from './app.ts';

export interface RowsWanted {
  runId?: string;
  batchId?: string;
  after: number;
  limit: number | undefined;
}

/** Rows read from the store at once: few, as each may hold a long answer. */
const pageRows = 100;
const pieceChars = 65_536;
/** Idle looks after which a followed run is asked whether it has ended, though no event said so. */
const idleLooks = 10;

/** Pages of results, read no faster than they are taken. */
export async function* pagesOfResults(context: RouteContext, wanted: RowsWanted): AsyncGenerator<readonly Result[]> {
  const { limit, ...filter } = wanted;
  let cursor = wanted.after;
  let left = limit ?? Number.POSITIVE_INFINITY;
  while (left > 0) {
    const rows = await context.service.views.results({ ...filter, after: cursor, limit: Math.min(pageRows, left) });
    if (rows.length === 0) return;
    cursor = rows.at(-1)?.cursor ?? cursor;
    left -= rows.length;
    yield rows;
  }
}

/** Pages of a run's results until it has ended. Rejects when the server closes before: what came is not all. */
export async function* followedResults(
  context: RouteContext,
  wanted: RowsWanted & { runId: string },
  signal: AbortSignal,
): AsyncGenerator<readonly Result[]> {
  const { feed, service } = context;
  let cursor = wanted.after;
  let left = wanted.limit ?? Number.POSITIVE_INFINITY;
  let looksLeft = 0;
  const unsubscribe = feed.subscribe((events) => {
    if (events.some((event) => event.run_id === wanted.runId)) looksLeft = 0;
  });
  try {
    await feed.head();
    while (left > 0) {
      // Asked before the rows are read: whatever came until the end is read after it.
      const isEnded = looksLeft-- <= 0 && (await service.views.run(wanted.runId)).state === 'ended';
      for await (const rows of pagesOfResults(context, { runId: wanted.runId, after: cursor, limit: left })) {
        cursor = rows.at(-1)?.cursor ?? cursor;
        left -= rows.length;
        yield rows;
      }
      if (isEnded) return;
      if (looksLeft < 0) looksLeft = idleLooks;
      await feed.changed(signal);
      if (signal.aborted) throw new OffpeakError('The server closed before the run had ended.', { code: 'aborted' });
    }
  } finally {
    unsubscribe();
  }
}

/** As JSON lines. */
export function sendLines(
  context: RouteContext,
  reply: FastifyReply,
  pages: AsyncGenerator<readonly Result[]>,
): FastifyReply {
  return sendText(context, reply.header('content-type', 'application/x-ndjson; charset=utf-8'), linesOf(pages));
}

async function* linesOf(pages: AsyncGenerator<readonly Result[]>): AsyncGenerator<string> {
  for await (const rows of pages) yield* inPieces(rows, (row) => `${JSON.stringify(row)}\n`);
}

/** Rows may be a hundred bytes or a megabyte: written in pieces of about one size, each in its own turn. */
export function* inPieces<Row>(rows: readonly Row[], write: (row: Row, index: number) => string): Generator<string> {
  let text = '';
  for (const [index, row] of rows.entries()) {
    text += write(row, index);
    if (text.length < pieceChars) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/**
 * Written as it is made, one piece ahead of what is being sent. A failure in the middle cuts the connection, so that
 * nobody takes a part for the whole.
 */
export function sendText({ log }: RouteContext, reply: FastifyReply, text: AsyncGenerator<string>): FastifyReply {
  const stream = Readable.from(text, { objectMode: true, highWaterMark: 1 });
  stream.once('error', (error) => {
    if (!reply.raw.destroyed) log.warn({ req: reply.request.id, err: error }, 'an answer broke off');
  });
  return reply.send(stream);
}
