import type { Batch } from '../batch.ts';
import { hasCode } from '../errors.ts';
import { newNonce } from '../ids.ts';
import type { Lane } from '../store-rows.ts';
import { type Engine, leaseOf } from './engine.ts';
import { asHolder, holdLeases } from './hold-leases.ts';
import { pack } from './pack.ts';

/**
 * Packs what a run can have sent now, in as many batches as it needs, and gives their leases back: any worker sends them.
 * A worker may be packing the same lanes meanwhile; what it has taken is not among the answer. What a crash leaves half
 * packed the next worker goes on with.
 */
export async function packRun(base: Engine, runId: string, signal: AbortSignal): Promise<Batch[]> {
  const engine = asHolder(base);
  // A fault of the store that matters is met by packing as well.
  const holding = holdLeases(engine, () => {});
  try {
    return await packLanes(engine, runId, signal);
  } finally {
    await holding.end();
  }
}

async function packLanes(engine: Engine, runId: string, signal: AbortSignal): Promise<Batch[]> {
  const batches: Batch[] = [];
  const spent = new Set<number>();
  while (!signal.aborted) {
    const lane = await nextLane(engine, runId, spent);
    if (!lane) break;
    const batch = await packLane(engine, lane, signal);
    if (!batch) continue;
    if (batch.state === 'packed') batches.push(batch);
    // Nothing of the lane goes into an empty batch now: there is no room, or somebody else has taken it.
    else spent.add(lane.id);
  }
  return batches;
}

async function nextLane(engine: Engine, runId: string, spent: ReadonlySet<number>): Promise<Lane | undefined> {
  const now = engine.clock.now();
  const lanes = await engine.store.findLanes({ runId, accounts: [...engine.providers.keys()] }, now);
  return lanes.find(
    ({ id, mode, readyAt, isPriming }) => mode === 'batch' && readyAt <= now && !isPriming && !spent.has(id),
  );
}

async function packLane(engine: Engine, lane: Lane, signal: AbortSignal): Promise<Batch | undefined> {
  const { store, clock, owner, leaseMs } = engine;
  const opened = await store.openBatch(lane.id, newNonce(engine.random), { owner, now: clock.now(), leaseMs });
  try {
    const packed = await pack(engine, opened, signal);
    const batch = await store.updateBatch(leaseOf(packed), {}, clock.now(), 'release');
    engine.emit({ type: 'batch', batch });
    return batch;
  } catch (error) {
    // Our lease has lapsed, and another worker goes on with the batch.
    if (hasCode(error, 'conflict')) return undefined;
    throw error;
  }
}
