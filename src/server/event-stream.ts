import type { Writable } from 'node:stream';
import type { ServerEvent } from '../service/contract/deliveries.ts';
import type { ServiceViews } from '../service/service.ts';
import type { EventFeed } from './event-feed.ts';
import type { ServerLimits } from './limits.ts';

export interface EventFilter {
  runId?: string;
  batchId?: string;
}

interface EventStreamOptions {
  response: Writable;
  views: Pick<ServiceViews, 'events'>;
  feed: EventFeed;
  filter: EventFilter;
  /** The last event that the reader has; undefined: it wants only what comes from now on. */
  after: number | undefined;
  limits: Pick<ServerLimits, 'stallMs' | 'heartbeatMs'>;
  /** Rejects when the reader may not read any more; asked at every heartbeat. */
  checkAccess: () => Promise<unknown>;
  signal: AbortSignal;
}

const pageSize = 500;

/**
 * Sends events until the signal: first what was missed, out of the store and no faster than the reader takes it, then
 * what the feed brings. A reader that falls behind goes back to the store, so at most a page waits for it; one that
 * takes nothing at all is cut, and comes back with the last id it saw. The response is ended when this resolves.
 */
export async function streamEvents(options: EventStreamOptions): Promise<void> {
  const { response, feed, filter, limits, signal } = options;
  const reader = { cursor: options.after, isLive: false };
  let fellBehind = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();

  const leave = feed.subscribe((events) => {
    const { cursor = 0 } = reader;
    const last = events.at(-1)?.id ?? cursor;
    if (!reader.isLive || last <= cursor) return;
    reader.cursor = last;
    const text = textOf(events.filter((event) => event.id > cursor && fits(event, filter)));
    if (text === '' || response.write(text)) return;
    reader.isLive = false;
    fellBehind.resolve();
  });
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n');
    options.checkAccess().catch(end);
  }, limits.heartbeatMs);
  signal.addEventListener('abort', end, { once: true });
  response.once('close', end);

  try {
    response.write('retry: 2000\n\n');
    while (!signal.aborted && (await catchUp(options, reader))) {
      await Promise.race([over.promise, fellBehind.promise]);
      if (reader.isLive) break;
      fellBehind = Promise.withResolvers();
      if (!(await drained(response, limits.stallMs, signal))) break;
    }
  } finally {
    clearInterval(heartbeat);
    leave();
    signal.removeEventListener('abort', end);
    response.off('close', end);
    if (!response.destroyed) response.end();
  }
}

/**
 * Sends what stands in the store after the cursor, until nothing lies between it and what the feed brings next; then the
 * reader is live. False: the reader is gone.
 */
async function catchUp(
  options: EventStreamOptions,
  reader: { cursor: number | undefined; isLive: boolean },
): Promise<boolean> {
  const { response, views, feed, filter, limits, signal } = options;
  while (!signal.aborted && !response.destroyed) {
    const head = await feed.head();
    reader.cursor ??= head;
    const events = await views.events({ after: reader.cursor, limit: pageSize, ...filter });
    reader.cursor = events.at(-1)?.id ?? reader.cursor;
    if (events.length > 0 && !response.write(textOf(events))) {
      if (!(await drained(response, limits.stallMs, signal))) return false;
    }
    if (events.length === pageSize) continue;
    // All up to the feed's head is sent. If the feed stands there still, its next events follow without a gap.
    reader.cursor = Math.max(reader.cursor, head);
    reader.isLive = feed.lastSeen === head;
    if (reader.isLive) return true;
  }
  return false;
}

/** Whether the reader took what was written, in time; one that did not is cut. */
async function drained(response: Writable, stallMs: number, signal: AbortSignal): Promise<boolean> {
  if (!response.writableNeedDrain) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const taken = () => resolve(true);
  const gone = () => resolve(false);
  response.once('drain', taken);
  response.once('close', gone);
  signal.addEventListener('abort', gone, { once: true });
  const timer = setTimeout(gone, stallMs);
  const isTaken = await promise;
  clearTimeout(timer);
  response.off('drain', taken);
  response.off('close', gone);
  signal.removeEventListener('abort', gone);
  if (!isTaken) response.destroy();
  return isTaken;
}

function fits(event: ServerEvent, { runId, batchId }: EventFilter): boolean {
  return (runId === undefined || event.run_id === runId) && (batchId === undefined || event.batch_id === batchId);
}

/** `data` is JSON: no line break can stand in it. */
function textOf(events: readonly ServerEvent[]): string {
  return events.map((event) => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`).join('');
}
