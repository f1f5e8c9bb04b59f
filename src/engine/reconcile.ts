import type { Batch } from '../batch.ts';
import type { RemoteBatch } from '../provider.ts';
import { backoffMs, batchApiOf, type Engine, leaseOf } from './engine.ts';
import { accepted, startJobs } from './submit.ts';

/**
 * Finds out what became of a create whose reply was lost. Ours is proved by the nonce we sent, or by the input file,
 * which belongs to this batch alone. Absence counts only after several complete listings over a grace period: a
 * provider may list a new batch late, and a second create would be paid twice.
 */
export async function reconcile(engine: Engine, batch: Batch, signal: AbortSignal): Promise<Batch> {
  const { store, clock } = engine;
  const { limits } = batchApiOf(engine, batch);
  const found = await findOurs(engine, batch, signal);
  if (found) {
    engine.emit({ type: 'note', message: `batch ${batch.id} was accepted as ${found.remoteId}; going on with it` });
    const adopted = await store.updateBatch(leaseOf(batch), accepted(engine, batch, found), clock.now());
    await startJobs(engine, adopted);
    return adopted;
  }
  const now = clock.now();
  const absentSince = batch.absentSince ?? now;
  const absences = batch.absences + 1;
  const isAbsent = absences >= limits.absentListings && now - absentSince >= limits.absentGraceMs;
  if (isAbsent) {
    engine.emit({ type: 'note', message: `batch ${batch.id} was not accepted; sending it again` });
    return store.updateBatch(leaseOf(batch), { state: 'packed', tries: 0, nextAt: 0 }, now);
  }
  if (absences === 1) {
    const seconds = Math.ceil(limits.absentGraceMs / 1000);
    const message = `looking at the provider whether batch ${batch.id} was accepted; this can take ${seconds} s`;
    engine.emit({ type: 'note', message });
  }
  const pause = Math.max(
    Math.ceil(limits.absentGraceMs / limits.absentListings),
    backoffMs(engine.retry, 1, engine.random),
  );
  return store.updateBatch(leaseOf(batch), { absences, absentSince, nextAt: now + pause }, now);
}

async function findOurs(engine: Engine, batch: Batch, signal: AbortSignal): Promise<RemoteBatch | undefined> {
  for await (const remote of batchApiOf(engine, batch).list(signal)) {
    // One that was refused ran nothing. It may be this submission's earlier try, and must not hide a later one that the
    // listing does not show yet.
    if (remote.phase === 'refused') continue;
    if (remote.nonce === batch.nonce) return remote;
    if (batch.inputFileId !== undefined && remote.inputFileId === batch.inputFileId) return remote;
  }
  return undefined;
}
