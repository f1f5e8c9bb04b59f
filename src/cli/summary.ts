import { totalOf, unfinishedOf } from '../job.ts';
import type { Offpeak } from '../offpeak.ts';
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
    const worth = run.reusedNanoUsd > 0 ? `: ${formatUsd(run.reusedNanoUsd)} not spent again` : '';
    lines.push(`${reusedWords(run.reused)} reused, and nothing was sent for them${worth}.`);
  }
  lines.push(moneyLine(run));
  if (run.simulated) lines.push('SIMULATED by the sandbox: no model was asked, no money was spent.');
  if (run.note !== undefined) lines.push(run.note);
  return lines.join('\n');
}

function moneyLine(run: Run): string {
  const { inputTokens, outputTokens } = run.usage;
  if (run.costNanoUsd === undefined || run.realtimeNanoUsd === undefined) {
    return `${formatCount(inputTokens)} tokens in, ${formatCount(outputTokens)} out; cost unknown: no list has a price for ${run.provider}:${run.model}; give it under \`prices\` in config.yaml.`;
  }
  const saved = run.realtimeNanoUsd - run.costNanoUsd;
  const savings = saved > 0 ? `, ${formatUsd(saved)} less than in realtime` : '';
  const { cachedTokens } = run.usage;
  const share = inputTokens > 0 ? Math.round((100 * cachedTokens) / inputTokens) : 0;
  const tokens = `${formatCount(inputTokens)} tokens in${share > 0 ? ` (${share} % from the cache)` : ''}, ${formatCount(outputTokens)} out`;
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

/** The budget is used up: what waits, and how to let it go on. */
export function tellOverBudget(context: Context, run: Run): number {
  const more = Number(((2 * (run.budgetNanoUsd ?? 0)) / 1e9).toPrecision(3));
  say(`${summaryOf(run)}\nGo on with:  ${context.command(`resume ${run.id} --budget ${more}`)}`);
  return exitCodes.someFailed;
}

export function reusedWords(count: number): string {
  return count === 1 ? '1 result is' : `${formatCount(count)} results are`;
}

export function exitCodeOfRun(run: Run): number {
  const { counts } = run;
  const bad = counts.failed + counts.skipped + counts.cancelled + unfinishedOf(counts);
  return bad === 0 ? exitCodes.succeeded : exitCodes.someFailed;
}
