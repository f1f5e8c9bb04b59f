import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { chunkRows } from '../src/store-rows.ts';
import { alternate, type Bench, ratioOf, runChild, spreadOf } from './harness.ts';
import { textFolder } from './material.ts';
import { megabytes, microseconds, milliseconds, percent, perSecond, type Table, verdict } from './report.ts';

export type Numbers = Record<string, number>;
export const column = (runs: readonly Numbers[], name: string) => runs.map((run) => run[name] ?? Number.NaN);
const count = (value: number) => value.toLocaleString('en-US');

/** A child that gets a database of its own, which is thrown away. */
export function onFreshDatabase(
  { work }: Bench,
  script: string,
  args: readonly (string | number)[],
): () => Promise<Numbers> {
  return async () => {
    const folder = mkdtempSync(join(work, 'store-'));
    try {
      return await runChild(script, [join(folder, 'bench.db'), ...args]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** Adding jobs, beside the bare insert of the same bytes. */
export async function enqueue(bench: Bench): Promise<Table[]> {
  const jobs = Math.round(200_000 * bench.scale);
  const { offpeak = [], bare = [] } = await alternate(bench.runs, {
    offpeak: onFreshDatabase(bench, 'add-jobs.ts', [jobs, 1024]),
    bare: onFreshDatabase(bench, 'bare-insert.ts', [jobs, 1024]),
  });
  const share = ratioOf(column(offpeak, 'perSecond'), column(bare, 'perSecond'));
  const cpuShare = ratioOf(column(bare, 'cpuUs'), column(offpeak, 'cpuUs'));
  const row = (name: string, runs: readonly Numbers[]) => [
    name,
    perSecond(spreadOf(column(runs, 'perSecond'))),
    microseconds(spreadOf(column(runs, 'cpuUs'))),
    milliseconds(spreadOf(column(runs, 'medianCallMs'))),
    milliseconds(spreadOf(column(runs, 'longestCallMs'))),
    megabytes(spreadOf(column(runs, 'peakBytes'))),
  ];
  return [
    {
      title: `enqueue: ${count(jobs)} jobs of 1 KB, ${count(chunkRows)} a transaction, WAL, FULL`,
      columns: ['contender', 'jobs', 'CPU a job', 'call (median)', 'longest call', 'peak memory'],
      rows: [row('store.addJobs', offpeak), row('bare insert, one table', bare)],
      notes: [
        verdict('at least 60 % of the bare insert', share.median >= 0.6, percent(share)),
        `by CPU alone, which others on the machine disturb less: ${percent(cpuShare)}`,
      ],
    },
  ];
}

const storeCalls = ['addJobs', 'packJobs', 'readRequests', 'startJobs', 'book', 'readResults'];

/** Each of the store's wide operations, and how long one call of it holds the event loop. */
export async function store(bench: Bench): Promise<Table[]> {
  const jobs = Math.round(100_000 * bench.scale);
  const { runs = [] } = await alternate(bench.runs, { runs: onFreshDatabase(bench, 'store-calls.ts', [jobs, 1024]) });
  const longest = Math.max(...storeCalls.map((name) => spreadOf(column(runs, `${name}.p99Ms`)).median));
  return [
    {
      title: `store: ${count(jobs)} jobs of 1 KB, answers of 1 KB`,
      columns: ['call', 'rows', 'CPU a row', 'call (median)', '99 of 100 calls', 'longest call'],
      rows: storeCalls.map((name) => [
        name,
        perSecond(spreadOf(column(runs, `${name}.perSecond`))),
        microseconds(spreadOf(column(runs, `${name}.cpuUs`))),
        milliseconds(spreadOf(column(runs, `${name}.medianCallMs`))),
        milliseconds(spreadOf(column(runs, `${name}.p99Ms`))),
        milliseconds(spreadOf(column(runs, `${name}.longestCallMs`))),
      ]),
      notes: [
        verdict('99 of 100 calls hold the event loop for at most 20 ms', longest <= 20, `${longest.toFixed(1)} ms`),
      ],
    },
  ];
}

/** Finding and reading the files of a folder. */
export async function scan(bench: Bench): Promise<Table[]> {
  const files = Math.round(50_000 * bench.scale);
  const folder = textFolder(bench.work, files, 1024);
  const { offpeak = [], naive = [] } = await alternate(bench.runs, {
    offpeak: () => runChild('scan-source.ts', [folder]),
    naive: () => runChild('scan-naive.ts', [folder]),
  });
  const row = (name: string, runs: readonly Numbers[]) => [
    name,
    perSecond(spreadOf(column(runs, 'perSecond'))),
    megabytes(spreadOf(column(runs, 'peakBytes'))),
  ];
  return [
    {
      title: `scan: ${count(files)} files of 1 KB`,
      columns: ['contender', 'files', 'peak memory'],
      rows: [row('files source', offpeak), row('readdir, await readFile', naive)],
    },
  ];
}
