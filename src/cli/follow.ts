import type { Offpeak } from '../offpeak.ts';
import type { Run } from '../run.ts';
import type { AddedJobs } from '../store-rows.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { say } from './output.ts';
import type { Watch } from './watch.ts';

export interface FollowOptions {
  /** Read the run's source as well, while the first jobs are already on their way. */
  fill?: { reopen: boolean; mayBeGone?: boolean };
  untilSubmitted?: boolean;
  onFilled?: (added: AddedJobs) => void;
}

/** Works on a run until it has ended, or until Ctrl-C. */
export async function follow(
  context: Context,
  offpeak: Offpeak,
  run: Run,
  watch: Watch,
  interrupt: Interrupt,
  options: FollowOptions = {},
): Promise<'done' | 'interrupted'> {
  const { stop } = interrupt;
  let filling = options.fill !== undefined;
  watch.start(offpeak, run, () => filling);
  const worker = offpeak.worker({ runId: run.id, untilSubmitted: options.untilSubmitted ?? false });
  const fill = async () => {
    if (!options.fill) return;
    const added = await offpeak.fill(run, { ...options.fill, signal: stop.signal, onChunk: () => worker.wake() });
    filling = false;
    worker.wake();
    options.onFilled?.(added);
  };
  try {
    // What goes wrong on one side ends the other, and the first fault is the one to tell.
    const failed = (error: unknown) => {
      stop.abort(error);
      throw error;
    };
    const ended = await Promise.allSettled([fill().catch(failed), worker.run(stop.signal).catch(failed)]);
    if (interrupted(stop)) return 'interrupted';
    if (stop.signal.aborted) throw stop.signal.reason;
    for (const side of ended) if (side.status === 'rejected') throw side.reason;
    return 'done';
  } catch (error) {
    await watch.close();
    say(`Stopped; nothing is lost. Go on with:  ${context.command(`resume ${run.id}`)}`);
    throw error;
  } finally {
    interrupt.off();
    await watch.close();
  }
}

const interruption = Symbol('interrupted');

function interrupted(stop: AbortController): boolean {
  return stop.signal.reason === interruption;
}

export interface Interrupt {
  stop: AbortController;
  /** Back to the usual: Ctrl-C ends the process. */
  off(): void;
}

/** From now on the first Ctrl-C stops cleanly, the second at once. Set up before a run is made, so that none is missed. */
export function onInterrupt(watch: Watch): Interrupt {
  const stop = new AbortController();
  const handle = () => {
    if (stop.signal.aborted) process.exit(exitCodes.interrupted);
    watch.log('Stopping. What is under way is being brought to a safe point; Ctrl-C again stops at once.');
    stop.abort(interruption);
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  const off = () => {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
  };
  return { stop, off };
}
