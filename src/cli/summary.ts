import { totalOf, unfinishedOf } from '../job.ts';
import type { Offpeak } from '../offpeak.ts';
import { pricesCheckedOn } from '../prices.ts';
import type { Run } from '../run.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { say } from './output.ts';
import { formatCount, formatDuration, formatUsd } from './terminal.ts';

/** What a run came to, in a few lines for a person. */
export function summaryOf(run: Run): string {
  const { counts } = run;
  const parts = [`${formatCount(counts.succeeded)} of ${formatCount(totalOf(counts))} succeeded`];
  for (const state of ['failed', 'skipped', 'cancelled'] as const) {
    if (counts[state] > 0) parts.push(`${formatCount(counts[state])} ${state}`);
  }
  const unfinished = unfinishedOf(counts);
  if (unfinished > 0) parts.push(`${formatCount(unfinished)} not finished`);
  const took = run.endedAt === undefined ? '' : ` in ${formatDuration(run.endedAt - run.createdAt)}`;
  const lines = [`${parts.join(', ')}${took}.`];
  if (run.reused > 0) {
    lines.push(`${reusedWords(run.reused)} reused from earlier runs; nothing was sent.`);
  }
  lines.push(moneyLine(run));
  if (run.simulated) lines.push('SIMULATED by the sandbox: no model was asked, no money was spent.');
  if (run.note !== undefined) lines.push(run.note);
  return lines.join('\n');
}

function moneyLine(run: Run): string {
  const { inputTokens, outputTokens } = run.usage;
  const tokens = `${formatCount(inputTokens)} tokens in, ${formatCount(outputTokens)} out`;
  if (run.costNanoUsd === undefined || run.realtimeNanoUsd === undefined) {
    return `${tokens}; cost unknown: there is no price for ${run.provider}:${run.model} in the table of ${pricesCheckedOn}.`;
  }
  const saved = run.realtimeNanoUsd - run.costNanoUsd;
  const savings = saved > 0 ? `, ${formatUsd(saved)} less than in realtime` : '';
  return `${tokens}; ${run.simulated ? 'would cost' : 'cost'} ${formatUsd(run.costNanoUsd)}${savings}.`;
}

/** After Ctrl-C: what stands, what goes on without us, and how to go on or stop it. */
export async function tellInterrupted(context: Context, { store }: Offpeak, run: Run): Promise<number> {
  const open = await store.listBatches({ runId: run.id, openOnly: true });
  const running = open.filter((batch) => batch.remoteId !== undefined && batch.state === 'in_progress').length;
  const lines = [`Interrupted. Nothing is lost: ${summaryOf(run)}`];
  if (running > 0) {
    const words = running === 1 ? '1 batch goes' : `${running} batches go`;
    lines.push(`${words} on at the provider, and will be charged. Stop it:  ${context.command(`cancel ${run.id}`)}`);
  }
  lines.push(`Go on with:  ${context.command(`resume ${run.id}`)}`);
  say(lines.join('\n'));
  return exitCodes.interrupted;
}

export function reusedWords(count: number): string {
  return count === 1 ? '1 result is' : `${formatCount(count)} results are`;
}

export function exitCodeOfRun(run: Run): number {
  const { counts } = run;
  const bad = counts.failed + counts.skipped + counts.cancelled + unfinishedOf(counts);
  return bad === 0 ? exitCodes.succeeded : exitCodes.someFailed;
}
