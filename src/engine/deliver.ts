import { OffpeakError } from '../errors.ts';
import type { JobState } from '../job.ts';
import type { Sink } from '../sink.ts';
import type { Store } from '../store.ts';

/** Rows of a page: small, because one row may be megabytes. */
const pageRows = 200;

export interface DeliverOptions {
  states?: readonly JobState[];
  limit?: number;
  signal?: AbortSignal;
}

/** [ result ] -> sink: every result of a run in input order, a page at a time. The sink is complete or thrown away. */
export async function deliver(store: Store, runId: string, sink: Sink, options: DeliverOptions = {}): Promise<number> {
  const run = await store.getRun(runId);
  if (!run) throw new OffpeakError(`There is no run ${runId}.`, { code: 'not_found' });
  let delivered = 0;
  try {
    await sink.begin(run);
    let after = 0;
    for (;;) {
      const limit = Math.min(pageRows, (options.limit ?? Number.POSITIVE_INFINITY) - delivered);
      const states = options.states ? { states: options.states } : {};
      const rows = limit > 0 ? await store.readResults(runId, { after, limit, ...states }) : [];
      for (const row of rows) await sink.write(row);
      const last = rows.at(-1);
      if (!last) break;
      after = last.job;
      delivered += rows.length;
      if (options.signal?.aborted) throw new OffpeakError('The export was interrupted.', { code: 'aborted' });
    }
    await sink.end();
    return delivered;
  } catch (error) {
    await sink.abort();
    throw error;
  }
}
