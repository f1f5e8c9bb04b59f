import { newHolder } from '../owner.ts';
import type { Engine } from './engine.ts';

/** The engine for one worker, under a name of its own. */
export function asHolder(engine: Engine): Engine {
  return { ...engine, owner: newHolder(engine.owner) };
}

export interface Holding {
  /** No more is renewed, and what is held all the same is free. */
  end(): Promise<void>;
}

/** Renews the leases of the engine's owner until the end, through faults of the store: what is under way is still ours. */
export function holdLeases(engine: Engine, onFault: (error: unknown) => void): Holding {
  const stop = new AbortController();
  const renewing = renewUntil(engine, stop.signal, onFault);
  return {
    end: async () => {
      stop.abort();
      await renewing;
      await releaseAll(engine);
    },
  };
}

async function renewUntil(
  { store, clock, owner, leaseMs }: Engine,
  stop: AbortSignal,
  onFault: (error: unknown) => void,
): Promise<void> {
  for (;;) {
    await clock.sleep(leaseMs / 3, stop);
    if (stop.aborted) return;
    await store.renewLeases(owner, clock.now() + leaseMs).catch(onFault);
  }
}

/**
 * A fault of the store leaves what it kept from being written: a batch that nobody would look at, a call that would never
 * end. When it cannot be written now either, the leases lapse, for nobody else renews them.
 */
async function releaseAll({ store, clock, owner }: Engine): Promise<void> {
  await store.releaseOwner(owner, clock.now()).catch(() => {});
}
