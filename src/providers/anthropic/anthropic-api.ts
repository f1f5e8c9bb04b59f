import type { RemoteBatch } from '../../provider.ts';
import { countOf, recordOf, textOf, timeOf } from '../json-values.ts';

export const batchesPath = '/v1/messages/batches';

/** The wire shape of a batch, read tolerantly. Undefined when it carries no id, the one thing it cannot be without. */
export function parseBatch(value: unknown): RemoteBatch | undefined {
  const batch = recordOf(value);
  const remoteId = textOf(batch?.id);
  if (!batch || !remoteId) return undefined;
  const rawStatus = textOf(batch.processing_status)?.toLowerCase() ?? 'unknown';
  const resultsUrl = textOf(batch.results_url);
  const remote: RemoteBatch = {
    remoteId,
    // There is no other end: what failed, expired or was cancelled are its rows.
    phase: rawStatus === 'ended' ? 'ended' : 'running',
    rawStatus,
    resultFileIds: resultsUrl ? [resultsUrl] : [],
    errors: [],
  };
  const counts = recordOf(batch.request_counts);
  if (counts) {
    const count = (name: string) => countOf(counts[name]) ?? 0;
    const [succeeded, failed] = [count('succeeded'), count('errored')];
    // Everything is `processing` until the whole batch ends; the sum is the total at any time.
    const total = count('processing') + succeeded + failed + count('canceled') + count('expired');
    remote.counts = { total, succeeded, failed };
  }
  const createdAt = timeOf(batch.created_at);
  if (createdAt !== undefined) remote.createdAt = createdAt;
  const endedAt = timeOf(batch.ended_at);
  if (endedAt !== undefined) remote.endedAt = endedAt;
  const expiresAt = timeOf(batch.expires_at);
  if (expiresAt !== undefined) remote.expiresAt = expiresAt;
  return remote;
}
