import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomHex } from '../random.ts';
import type { SandboxState } from '../state.ts';
import type { BatchRecord } from './batch-record.ts';
import { type Dialects, dialectOf } from './dialect.ts';
import { type Execution, executeBatch } from './execution.ts';
import type { Settler } from './settle.ts';

/** Executes batches in the background, this process's own and those a dead process left. */
export interface Worker {
  /** Looks for work now instead of at the next tick. The first time when all dialects are known. */
  wake(): void;
  close(): Promise<void>;
}

const LEASE_MS = 2000;
const RENEW_MS = 500;
const TICK_MS = 250;
const AT_ONCE = 4;

class GivenUp extends Error {}

export function createWorker(state: SandboxState, dialects: Dialects, settler: Settler): Worker {
  const owner = randomHex(8);
  const running = new Set<Promise<void>>();
  let closed = false;

  const run = async (record: BatchRecord): Promise<void> => {
    let renewedAt = performance.now();
    const pause = async (): Promise<void> => {
      await nextTurn();
      if (closed) throw new GivenUp();
      if (performance.now() - renewedAt < RENEW_MS) return;
      renewedAt = performance.now();
      if (!state.batches.renew(record.id, owner, LEASE_MS)) throw new GivenUp();
    };
    try {
      const execution = await executeBatch(state, dialectOf(dialects, record), record, pause);
      if (execution.errors.length === 0) await execution.keep();
      const committed = !closed && commit(state, dialects, { id: record.id, owner, execution });
      if (!committed || execution.errors.length > 0) await execution.discard();
      if (committed) await settler.settleIfDue(record.id);
    } catch (error) {
      if (error instanceof GivenUp || closed) return;
      quietly(() => failInternally(state, record.id, owner, error));
    }
  };

  const wake = (): void => {
    while (!closed && running.size < AT_ONCE) {
      const record = state.batches.claim(owner, LEASE_MS);
      if (record === undefined) return;
      const task = run(record).finally(() => {
        running.delete(task);
        quietly(wake);
      });
      running.add(task);
    }
  };

  const timer = setInterval(() => {
    quietly(wake);
    settler.settleDue().catch(() => {});
  }, TICK_MS);
  timer.unref();

  return {
    wake: () => quietly(wake),
    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all(running);
      await settler.close();
      // The next process need not wait for the leases to lapse.
      state.batches.release(owner);
    },
  };
}

/** Background work has nobody to tell: a call that needs the state will meet the same error, and the next tick tries again. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // See above. The usual reason: a test removed the folder while the sandbox was open.
  }
}

/** Makes the execution count, unless another process took the batch over meanwhile. */
function commit(
  state: SandboxState,
  dialects: Dialects,
  { id, owner, execution }: { id: string; owner: string; execution: Execution },
): boolean {
  let committed = false;
  state.batches.update(id, (record) => {
    if (record.phase !== 'pending' || !state.batches.holdsLease(id, owner)) return undefined;
    committed = true;
    state.faults.countRows(execution.faultVersion, execution.fired);
    const { model, rows, tokens, spool } = execution;
    const errors =
      execution.errors.length > 0
        ? execution.errors
        : dialectOf(dialects, record).refuse(state, record, { model, tokens });
    if (errors.length > 0) return { ...record, phase: 'failed', errors, model: model ?? record.model };
    return { ...record, phase: 'executed', model: model ?? record.model, rows, tokens, spool };
  });
  return committed;
}

/** A defect of the sandbox must show, not hang: the batch fails with the reason. */
function failInternally(state: SandboxState, id: string, owner: string, error: unknown): void {
  const message = `The sandbox failed: ${error instanceof Error ? error.message : String(error)}`;
  state.batches.update(id, (record) =>
    record.phase === 'pending' && state.batches.holdsLease(id, owner)
      ? { ...record, phase: 'failed', errors: [{ code: 'server_error', line: null, message, param: null }] }
      : undefined,
  );
}
