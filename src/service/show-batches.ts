import type { Batch } from './contract/batches.ts';
import { parseBatchId } from './public-ids.ts';
import type { ServiceViews } from './service.ts';

const pageSize = 100;

/** The batches of a run that were made after one, oldest first, without those that came to nothing. */
export async function showBatchesAfter(
  views: Pick<ServiceViews, 'batches'>,
  runId: string,
  afterBatch: number,
): Promise<Batch[]> {
  const found: Batch[] = [];
  let before: number | undefined;
  for (;;) {
    const page = await views.batches({ runId, limit: pageSize, ...(before === undefined ? {} : { before }) });
    const newer = page.batches.filter(({ batch_id: id }) => (parseBatchId(id)?.batch ?? 0) > afterBatch);
    found.push(...newer.filter(({ state }) => state !== 'abandoned'));
    if (newer.length < page.batches.length || page.next_before === null) return found.reverse();
    before = page.next_before;
  }
}
