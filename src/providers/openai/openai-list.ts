import type { RemoteBatch } from '../../provider.ts';
import { arrayOf, countOf, recordOf, textOf } from '../json-values.ts';
import type { BatchProfile } from '../server-profile.ts';
import type { OpenAIConnection } from './openai-client.ts';
import { badAnswer, errorOfExchange } from './openai-error.ts';
import type { ReadBatch } from './read-batch.ts';

const pageSize = 100;

interface Page {
  data: readonly unknown[];
  hasMore: boolean | undefined;
  lastId: string | undefined;
  total: number | undefined;
}

/** Every batch of the account, newest first; a listing that does not reach its end throws. */
export async function* listBatches(
  connection: OpenAIConnection,
  profile: BatchProfile,
  read: ReadBatch,
  signal?: AbortSignal,
): AsyncGenerator<RemoteBatch> {
  const action = `${connection.name}: list batches`;
  // Of cursors, or of what a numbered page begins with.
  const seen = new Set<string>();
  let query: Record<string, string | number> = firstQuery(profile.listing);
  let seenBatches = 0;
  for (let number = 1; ; number++) {
    const page = await readPage(connection, action, profile, query, signal);
    const batches = page.data.map((entry) => {
      const batch = read(entry);
      // An entry that cannot be read might be the one that is looked for.
      if (!batch) throw badAnswer(action, 'an entry without id');
      return batch;
    });
    const isNumbered = profile.listing === 'pages';
    const mark = isNumbered ? batches[0]?.remoteId : (page.lastId ?? batches.at(-1)?.remoteId);
    seenBatches += batches.length;
    const last = isLast(page, seenBatches);
    const isRepeated = mark !== undefined && seen.has(mark);
    // Asked for what comes next, it says the same again: it knows no cursor, and that was all.
    if (isRepeated && profile.listing === 'whole' && page.hasMore === undefined) return;
    yield* batches;
    if (last) return;
    if (mark === undefined || isRepeated) throw badAnswer(action, 'pages do not advance');
    seen.add(mark);
    query = isNumbered
      ? { page: number, page_size: pageSize }
      : { limit: pageSize, [profile.listing === 'tokens' ? 'pagination_token' : 'after']: mark };
  }
}

function firstQuery(listing: BatchProfile['listing']): Record<string, number> {
  if (listing === 'pages') return { page: 0, page_size: pageSize };
  return listing === 'whole' ? {} : { limit: pageSize };
}

/**
 * Without `has_more`, only an empty page proves the end, or as many batches as there are in all. Behind a full page there
 * may be another, whatever `total` counts.
 */
function isLast({ hasMore, total, data }: Page, read: number): boolean {
  if (hasMore !== undefined) return !hasMore;
  return data.length === 0 || (total !== undefined && read >= total && data.length < pageSize);
}

async function readPage(
  connection: OpenAIConnection,
  action: string,
  profile: BatchProfile,
  query: Record<string, string | number>,
  signal?: AbortSignal,
): Promise<Page> {
  let answer: unknown;
  try {
    const client = await connection.client();
    // The raw answer, because the SDK's own paging takes a page it cannot read for the last one.
    const options = signal ? { query, signal } : { query };
    const response = await client.get(profile.batchesPath, options).asResponse();
    answer = await response.json();
  } catch (error) {
    throw errorOfExchange(action, error, connection.redact, signal);
  }
  if (profile.listing === 'tokens') return tokenPage(action, answer);
  // A bare array is a page that says nothing of those behind it.
  const page = Array.isArray(answer) ? { data: answer } : recordOf(answer);
  if (!Array.isArray(page?.data)) throw badAnswer(action, 'a page without data');
  return {
    data: arrayOf(page.data),
    hasMore: typeof page.has_more === 'boolean' ? page.has_more : undefined,
    lastId: textOf(page.last_id),
    total: profile.listing === 'pages' ? countOf(page.total) : undefined,
  };
}

/** A token stands where there are more. */
function tokenPage(action: string, answer: unknown): Page {
  const page = recordOf(answer);
  // An empty list may be left out, but not by an error, or by something else.
  const batches = page?.batches ?? [];
  if (!page || !Array.isArray(batches) || page.error !== undefined) throw badAnswer(action, 'no page of batches');
  const token = textOf(page.pagination_token);
  return { data: batches, hasMore: token !== undefined, lastId: token, total: undefined };
}
