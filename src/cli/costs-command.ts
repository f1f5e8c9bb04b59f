import { existsSync } from 'node:fs';
import { OffpeakError } from '../errors.ts';
import type { CostRow } from '../store-rows.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, terminalWidth } from './output.ts';
import { storePath } from './settings.ts';
import { formatTable } from './table.ts';
import { formatCount, formatUsd } from './terminal.ts';

export interface CostsFlags extends GlobalFlags {
  by?: string;
  run?: string;
  since?: string;
  json?: boolean;
}

/** What the rows are added up by. */
const groupings: Readonly<Record<string, (row: CostRow) => string>> = {
  run: (row) => row.runId,
  provider: (row) => row.provider,
  model: (row) => `${row.provider}:${row.model}`,
  day: (row) => row.day,
};

interface Sum {
  name: string;
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  costNanoUsd: number;
  savedNanoUsd: number;
  realtimeAttempts: number;
  unpriced: number;
}

/** `offpeak costs`: what was charged, and what realtime would have cost, by run, provider, model or day. */
export async function costsCommand(context: Context, flags: CostsFlags): Promise<number> {
  const by = flags.by ?? 'model';
  const nameOf = Object.hasOwn(groupings, by) ? groupings[by] : undefined;
  if (!nameOf) {
    throw new OffpeakError(`--by must be one of ${Object.keys(groupings).join(', ')}, not ${by}.`, { code: 'usage' });
  }
  if (flags.since !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(flags.since)) {
    throw new OffpeakError(`--since must be a day such as 2026-11-01, not ${flags.since}.`, { code: 'usage' });
  }
  const run = flags.run === undefined ? undefined : await context.findRun(flags.run);
  const isThere = existsSync(storePath(context.config.home));
  const filter = {
    ...(run ? { runId: run.id } : {}),
    ...(flags.since === undefined ? {} : { since: flags.since }),
  };
  const rows = isThere ? await (await context.store()).listCosts(filter) : [];
  const sums = addUp(rows, nameOf);
  const total = addUp(rows, () => 'total');
  if (flags.json)
    printData(JSON.stringify({ by, rows: sums.map(toJson), total: total.map(toJson)[0] ?? null }, undefined, 2));
  else if (sums.length === 0) printData('Nothing was spent yet.');
  else {
    printData(formatTable(columnsFor(by), [...sums, ...total], { columns: terminalWidth() }));
    if (sums.some(({ unpriced }) => unpriced > 0)) {
      printData('* some attempts have no known price; they are not in the sum. Give it under `prices` in config.yaml.');
    }
  }
  return exitCodes.succeeded;
}

function addUp(rows: readonly CostRow[], nameOf: (row: CostRow) => string): Sum[] {
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    const name = nameOf(row);
    const sum = sums.get(name) ?? emptySum(name);
    sums.set(name, sum);
    sum.attempts += row.attempts;
    sum.inputTokens += row.inputTokens;
    sum.outputTokens += row.outputTokens;
    sum.cachedTokens += row.cachedTokens;
    sum.costNanoUsd += row.costNanoUsd;
    sum.savedNanoUsd += row.realtimeNanoUsd - row.costNanoUsd;
    sum.realtimeAttempts += row.realtime ? row.attempts : 0;
    sum.unpriced += row.unpriced;
  }
  return [...sums.values()];
}

function emptySum(name: string): Sum {
  return {
    name,
    attempts: 0,
    inputTokens: 0,
    outputTokens: 0,
    cachedTokens: 0,
    costNanoUsd: 0,
    savedNanoUsd: 0,
    realtimeAttempts: 0,
    unpriced: 0,
  };
}

function columnsFor(by: string) {
  const count = (header: string, value: (sum: Sum) => number) => ({
    header,
    align: 'right' as const,
    value: (sum: Sum) => formatCount(value(sum)),
  });
  return [
    { header: by.toUpperCase(), whole: true, value: (sum: Sum) => sum.name },
    count('ANSWERS', (sum) => sum.attempts),
    count('IN REALTIME', (sum) => sum.realtimeAttempts),
    count('TOKENS IN', (sum) => sum.inputTokens),
    count('FROM CACHE', (sum) => sum.cachedTokens),
    count('TOKENS OUT', (sum) => sum.outputTokens),
    {
      header: 'COST',
      align: 'right' as const,
      value: costWords,
    },
    { header: 'SAVED', align: 'right' as const, value: (sum: Sum) => formatUsd(sum.savedNanoUsd) },
  ];
}

function costWords({ attempts, unpriced, costNanoUsd }: Sum): string {
  if (unpriced === attempts) return 'unknown *';
  return `${formatUsd(costNanoUsd)}${unpriced > 0 ? ' *' : ''}`;
}

function toJson(sum: Sum) {
  return {
    name: sum.name,
    attempts: sum.attempts,
    realtime_attempts: sum.realtimeAttempts,
    input_tokens: sum.inputTokens,
    cached_tokens: sum.cachedTokens,
    output_tokens: sum.outputTokens,
    cost_usd: sum.costNanoUsd / 1e9,
    saved_usd: sum.savedNanoUsd / 1e9,
    unpriced: sum.unpriced,
  };
}
