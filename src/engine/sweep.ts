import { processOf } from '../owner.ts';
import type { Engine } from './engine.ts';

/**
 * Frees what was held by workers that are gone: leases that nobody renewed, and at once those of processes of this
 * machine that no longer run, so that a killed command goes on as soon as it is started again.
 */
export async function sweep(
  engine: Engine,
  isAlive: (owner: string) => boolean,
  { freeLapsed }: { freeLapsed: boolean },
): Promise<void> {
  const now = engine.clock.now();
  // First our own: after a suspend all of them have lapsed, though we live and our calls are under way.
  await engine.store.renewLeases(engine.owner, now + engine.leaseMs);
  for (const owner of await engine.store.listOwners()) {
    const process = processOf(owner);
    if (process !== processOf(engine.owner) && !isAlive(process)) await engine.store.releaseOwner(owner, now);
  }
  if (freeLapsed) await engine.store.releaseLapsed(now);
}
