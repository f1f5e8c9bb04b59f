import { totalOf, unfinishedOf } from '../job.ts';
import type { Run } from '../run.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { keepResults, writeOutput } from './export-command.ts';
import { type FollowOptions, follow, onInterrupt } from './follow.ts';
import { say } from './output.ts';
import { formatFor, limitOptions } from './run-flags.ts';
import { exitCodeOfRun, summaryOf, tellInterrupted, tellOverBudget } from './summary.ts';
import { formatCount } from './terminal.ts';
import { createWatch } from './watch.ts';

export interface ControlFlags extends GlobalFlags {
  wait: boolean;
  budget?: string;
  deadline?: string;
}

/**
 * `offpeak resume`: goes on with what is unfinished, tries again what failed or was cancelled, and reads again what
 * could not be read. What succeeded is left alone.
 */
export async function resumeCommand(context: Context, id: string | undefined, flags: ControlFlags): Promise<number> {
  const found = await context.findRunToWorkOn(id, 'unfinished');
  const limits = limitOptions(flags);
  const isDone = found.state === 'ended' && found.counts.succeeded === totalOf(found.counts);
  const run =
    isDone || Object.keys(limits).length === 0
      ? found
      : await (await context.workingStore()).updateRun(found.id, limits, Date.now());
  if (run.source.type === 'adopted') {
    if (run.state === 'ended') return tellAdopted(run);
    const target = `${String(run.source.provider)}:${String(run.source.remoteId)}`;
    return (await import('./adopt-command.ts')).adoptCommand(context, [target], { ...flags, sandbox: run.simulated });
  }
  if (run.state === 'cancelling') return followOn(context, run, flags, {});
  if (isDone) {
    say(`Nothing to resume in ${run.id}: every job has succeeded.`);
    return exitCodes.succeeded;
  }
  return followOn(context, run, flags, { fill: { reopen: true, mayBeGone: true } }, ['failed', 'cancelled']);
}

/** `offpeak retry`: only what failed, with the request that is stored. */
export async function retryCommand(context: Context, id: string | undefined, flags: ControlFlags): Promise<number> {
  const run = await context.findRunToWorkOn(id);
  if (run.counts.failed === 0) {
    say(`Nothing to retry in ${run.id}: no job has failed.`);
    return exitCodes.succeeded;
  }
  if (run.source.type === 'adopted') return tellAdopted(run);
  // A run whose source was not read to its end waits for the rest of it.
  const fill = run.state === 'open' ? { fill: { reopen: false, mayBeGone: true } } : {};
  return followOn(context, run, flags, fill, ['failed']);
}

function tellAdopted(run: Run): number {
  say(`${run.id} was adopted: what its rows asked is not known here, so nothing of it can be sent again.`);
  return exitCodes.someFailed;
}

async function followOn(
  context: Context,
  run: Run,
  flags: ControlFlags,
  options: FollowOptions,
  requeue: readonly ('failed' | 'cancelled')[] = [],
): Promise<number> {
  const watch = createWatch({ quiet: false });
  const interrupt = onInterrupt(watch);
  const offpeak = await context.offpeak(run.simulated, watch.onEvent);
  const requeued = requeue.length > 0 ? await offpeak.retry(run.id, requeue) : 0;
  if (requeued > 0) watch.log(`Tried again: ${formatCount(requeued)} ${requeued === 1 ? 'job' : 'jobs'}.`);
  const outcome = await follow(context, offpeak, run, watch, interrupt, { ...options, untilSubmitted: !flags.wait });
  const ended = (await offpeak.store.getRun(run.id)) ?? run;
  if (outcome === 'interrupted') {
    return tellInterrupted(context, offpeak, ended);
  }
  if (ended.isOverBudget) return tellOverBudget(context, ended);
  if (ended.state !== 'ended') {
    say(`Submitted: ${summaryOf(ended)}\nFollow it with:  ${context.command(`resume ${run.id}`)}`);
    return exitCodes.succeeded;
  }
  if (ended.output) {
    const { path, format } = ended.output;
    await writeOutput(context, offpeak.store, ended, path, formatFor(path, format));
    say(`Results written to ${path}.`);
  }
  await keepResults(context, offpeak, run.id);
  say(`${summaryOf(ended)}\nResults:  ${context.command(`results ${run.id}`)}`);
  return exitCodeOfRun(ended);
}

/** `offpeak cancel`: reaches the provider, and books what was finished all the same. */
export async function cancelCommand(context: Context, id: string | undefined, flags: ControlFlags): Promise<number> {
  const run = await context.findRunToWorkOn(id, 'unfinished');
  if (unfinishedOf(run.counts) === 0 && run.state === 'ended') {
    say(`Run ${run.id} has ended already. ${summaryOf(run)}`);
    return exitCodes.succeeded;
  }
  const watch = createWatch({ quiet: false });
  const interrupt = onInterrupt(watch);
  const offpeak = await context.offpeak(run.simulated, watch.onEvent);
  const cancelling = await offpeak.cancel(run.id);
  if (!flags.wait) {
    say(`Run ${run.id} will be cancelled by the worker that follows it, or by: offpeak cancel ${run.id}`);
    return exitCodes.succeeded;
  }
  const outcome = await follow(context, offpeak, cancelling, watch, interrupt);
  const ended = (await offpeak.store.getRun(run.id)) ?? run;
  say(`${summaryOf(ended)}\nWhat was finished is kept:  ${context.command(`results ${run.id}`)}`);
  return outcome === 'interrupted' ? exitCodes.interrupted : exitCodes.succeeded;
}
