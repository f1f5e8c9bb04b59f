import { existsSync } from 'node:fs';
import type { Batch } from '../batch.ts';
import { isoTime } from '../clock.ts';
import { deliver } from '../engine/deliver.ts';
import { jobStates, totalOf } from '../job.ts';
import type { Run } from '../run.ts';
import { maskSecret } from './config.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, terminalWidth } from './output.ts';
import { parseWhole } from './run-flags.ts';
import { configPath, storePath } from './settings.ts';
import { summaryOf } from './summary.ts';
import { formatTable } from './table.ts';
import { escapeForTerminal, formatBytes, formatCount, formatUsd } from './terminal.ts';

export interface ListFlags extends GlobalFlags {
  json?: boolean;
  limit?: string;
}

/** `offpeak runs`: newest first. */
export async function runsCommand(context: Context, flags: ListFlags): Promise<number> {
  const limit = flags.limit === undefined ? 20 : parseWhole('--limit', flags.limit);
  const runs = existsSync(storePath(context.config.home)) ? await (await context.store()).listRuns({ limit }) : [];
  if (flags.json) printData(JSON.stringify(runs.map(runJson), undefined, 2));
  else if (runs.length === 0)
    printData('No runs yet. Start one:  offpeak run ./documents --prompt "Summarize this document"');
  else printData(formatTable(runColumns, runs, { columns: terminalWidth() }));
  return exitCodes.succeeded;
}

const runColumns = [
  { header: 'RUN', whole: true, value: (run: Run) => run.id },
  { header: 'STATE', value: (run: Run) => (run.simulated ? `${run.state} (simulated)` : run.state) },
  { header: 'MODEL', value: (run: Run) => `${run.provider}:${run.model}` },
  {
    header: 'DONE',
    align: 'right' as const,
    value: (run: Run) => `${formatCount(run.counts.succeeded)}/${formatCount(totalOf(run.counts))}`,
  },
  { header: 'FAILED', align: 'right' as const, value: (run: Run) => formatCount(run.counts.failed) },
  { header: 'CANCELLED', align: 'right' as const, value: (run: Run) => formatCount(run.counts.cancelled) },
  { header: 'SKIPPED', align: 'right' as const, value: (run: Run) => formatCount(run.counts.skipped) },
  {
    header: 'COST',
    align: 'right' as const,
    value: (run: Run) => (run.costNanoUsd === undefined ? 'unknown' : formatUsd(run.costNanoUsd)),
  },
  { header: 'STARTED', value: (run: Run) => isoTime(run.createdAt).slice(0, 19).replace('T', ' ') },
  { header: 'NAME', shrinks: true, value: (run: Run) => run.name ?? '' },
];

/** `offpeak show`: one run, its batches, and what failed. */
export async function showCommand(context: Context, id: string | undefined, flags: ListFlags): Promise<number> {
  const run = await context.findRun(id);
  const store = await context.store();
  const batches = (await store.listBatches({ runId: run.id })).filter(wasMade);
  if (flags.json) {
    printData(JSON.stringify({ ...runJson(run), batches: batches.map(batchJson) }, undefined, 2));
    return exitCodes.succeeded;
  }
  const what = typeof run.recipe.prompt === 'string' ? `prompt  ${run.recipe.prompt}` : `recipe  ${run.recipe.type}`;
  const lines = [
    `${run.id}${run.name ? `  ${run.name}` : ''}${run.simulated ? '  (simulated)' : ''}`,
    `state   ${run.state}${run.state === 'ended' ? '' : `; go on with: ${context.command(`resume ${run.id}`)}`}`,
    `model   ${run.provider}:${run.model}, mode ${run.mode}, priority ${run.priority}`,
    ...(run.budgetNanoUsd === undefined ? [] : [`budget  ${formatUsd(run.budgetNanoUsd)}`]),
    ...(run.deadlineAt === undefined ? [] : [`needed  by ${isoTime(run.deadlineAt)}`]),
    `source  ${String(run.source.directory ?? run.source.path ?? run.source.remoteId ?? run.source.type)}`,
    what,
    `jobs    ${jobStates.map((state) => `${formatCount(run.counts[state])} ${state}`).join(', ')}`,
    '',
    summaryOf(run),
  ];
  printData(lines.map(escapeForTerminal).join('\n'));
  if (batches.length > 0) printData(`\n${formatTable(batchColumns, batches, { columns: terminalWidth() })}`);
  await printFailures(context, run);
  return exitCodes.succeeded;
}

async function printFailures(context: Context, run: Run): Promise<void> {
  const { failed, skipped } = run.counts;
  if (failed + skipped === 0) return;
  printData(`\nNot succeeded (${formatCount(failed + skipped)}):`);
  const shown = 10;
  await deliver(
    await context.store(),
    run.id,
    {
      begin: async () => {},
      write: async (row) => printData(escapeForTerminal(`  ${row.key}: ${row.state}, ${row.errorMessage ?? ''}`)),
      end: async () => {},
      abort: async () => {},
    },
    { states: ['failed', 'skipped'], limit: shown },
  );
  if (failed + skipped > shown)
    printData(`  ... all of them: ${context.command(`results ${run.id} --state failed --state skipped`)}`);
}

export interface BatchesFlags extends ListFlags {
  run?: string;
}

/** `offpeak batches`: what is, or was, at the providers. */
export async function batchesCommand(context: Context, flags: BatchesFlags): Promise<number> {
  const run = flags.run === undefined ? undefined : await context.findRun(flags.run);
  const limit = flags.limit === undefined ? 20 : parseWhole('--limit', flags.limit);
  const filter = { limit, ...(run ? { runId: run.id } : {}) };
  const isThere = existsSync(storePath(context.config.home));
  const batches = isThere ? (await (await context.store()).listBatches(filter)).filter(wasMade) : [];
  if (flags.json) printData(JSON.stringify(batches.map(batchJson), undefined, 2));
  else if (batches.length === 0) printData('No batches yet.');
  else printData(formatTable(batchColumns, batches, { columns: terminalWidth() }));
  return exitCodes.succeeded;
}

/** One that was opened and found nothing to hold is nothing to see. */
function wasMade(batch: Batch): boolean {
  return batch.state !== 'abandoned' || batch.requests > 0;
}

const batchColumns = [
  { header: 'BATCH', align: 'right' as const, value: (batch: Batch) => String(batch.id) },
  { header: 'STATE', value: (batch: Batch) => batch.state },
  { header: 'PROVIDER SAYS', value: (batch: Batch) => batch.rawStatus ?? '' },
  { header: 'REQUESTS', align: 'right' as const, value: (batch: Batch) => formatCount(batch.requests) },
  { header: 'SIZE', align: 'right' as const, value: (batch: Batch) => formatBytes(batch.bytes) },
  {
    header: 'DONE',
    align: 'right' as const,
    value: (batch: Batch) => formatCount((batch.counts?.succeeded ?? 0) + (batch.counts?.failed ?? 0)),
  },
  { header: 'PROVIDER ID', whole: true, value: (batch: Batch) => batch.remoteId ?? '' },
  { header: 'RUN', whole: true, value: (batch: Batch) => batch.runId },
  { header: 'ERROR', shrinks: true, value: (batch: Batch) => batch.errorMessage ?? '' },
];

/** `offpeak config`: every setting, its value and where it came from. */
export async function configCommand(context: Context, flags: ListFlags): Promise<number> {
  const rows = context.config.all().map(({ setting, value, from }) => ({
    key: setting.key,
    value: value === undefined ? '' : setting.secret ? maskSecret(String(value)) : String(value),
    from: value === undefined ? 'not set' : from,
    env: setting.env ?? '',
    about: setting.about,
  }));
  if (flags.json) {
    printData(JSON.stringify({ home: context.config.home, settings: rows }, undefined, 2));
    return exitCodes.succeeded;
  }
  printData(`home    ${context.config.home}\nfile    ${configPath(context.config.home)}\n`);
  const columns = [
    { header: 'SETTING', whole: true, value: (row: (typeof rows)[number]) => row.key },
    { header: 'VALUE', value: (row: (typeof rows)[number]) => row.value },
    { header: 'FROM', value: (row: (typeof rows)[number]) => row.from },
    { header: 'ENVIRONMENT', value: (row: (typeof rows)[number]) => row.env },
    { header: 'WHAT IT IS', shrinks: true, value: (row: (typeof rows)[number]) => row.about },
  ];
  printData(formatTable(columns, rows, { columns: terminalWidth() }));
  return exitCodes.succeeded;
}

function runJson(run: Run) {
  return {
    id: run.id,
    name: run.name ?? null,
    state: run.state,
    simulated: run.simulated,
    model: `${run.provider}:${run.model}`,
    mode: run.mode,
    priority: run.priority,
    source: run.source,
    recipe: run.recipe,
    jobs: { total: totalOf(run.counts), ...run.counts, reused: run.reused },
    usage: {
      input_tokens: run.usage.inputTokens,
      cached_tokens: run.usage.cachedTokens,
      output_tokens: run.usage.outputTokens,
    },
    cost_usd: run.costNanoUsd === undefined ? null : run.costNanoUsd / 1e9,
    realtime_usd: run.realtimeNanoUsd === undefined ? null : run.realtimeNanoUsd / 1e9,
    reused_usd: run.reusedNanoUsd / 1e9,
    budget_usd: run.budgetNanoUsd === undefined ? null : run.budgetNanoUsd / 1e9,
    over_budget: run.isOverBudget,
    deadline: isoTime(run.deadlineAt) ?? null,
    note: run.note ?? null,
    created_at: isoTime(run.createdAt),
    ended_at: isoTime(run.endedAt) ?? null,
  };
}

function batchJson(batch: Batch) {
  return {
    id: batch.id,
    run: batch.runId,
    state: batch.state,
    provider: batch.provider,
    account: batch.account,
    model: batch.model,
    endpoint: batch.endpoint,
    provider_id: batch.remoteId ?? null,
    provider_status: batch.rawStatus ?? null,
    provider_counts: batch.counts ?? null,
    input_file_id: batch.inputFileId ?? null,
    requests: batch.requests,
    bytes: batch.bytes,
    sha256: batch.sha256 ?? null,
    tokens: batch.tokens,
    hedged: batch.hedged,
    quarantined: batch.quarantined,
    error: batch.errorMessage ?? null,
    created_at: isoTime(batch.createdAt),
    submitted_at: isoTime(batch.submittedAt) ?? null,
    ended_at: isoTime(batch.endedAt) ?? null,
    expires_at: isoTime(batch.expiresAt) ?? null,
  };
}
