import { phaseRow, runNaive, runOffpeak, type WholeRun } from './end-to-end.ts';
import { alternate, type Bench, ratioOf, spreadOf } from './harness.ts';
import { jsonlFile, textFolder } from './material.ts';
import type { Product } from './product.ts';
import { megabytes, seconds, type Table, times, verdict } from './report.ts';
import { startSandboxProcess } from './sandbox-process.ts';

const msOf = (runs: readonly WholeRun[]) => runs.map((run) => run.ms);
const spread = (runs: readonly WholeRun[], field: 'ms' | 'peakBytes' | 'cpuMs') =>
  spreadOf(runs.map((run) => run[field]));

const columns = ['contender', 'wall', 'CPU of the process', 'peak memory'];
const row = (name: string, runs: readonly WholeRun[]) => [
  name,
  seconds(spread(runs, 'ms')),
  seconds(spread(runs, 'cpuMs')),
  megabytes(spread(runs, 'peakBytes')),
];

/** Source to exported file, beside a script that does the least that can be done. */
export async function wholeWay(bench: Bench, product: Product): Promise<Table[]> {
  const jobs = Math.round(50_000 * bench.scale);
  const source = jsonlFile(bench.work, jobs, 1024);
  const folder = textFolder(bench.work, jobs, 1024);
  const sandbox = await startSandboxProcess(bench.work);
  try {
    // The sandbox's code is slow until V8 has compiled it; nobody is to pay for that.
    await runNaive(bench, sandbox, jsonlFile(bench.work, 2000, 1024));
    const { offpeak = [], naive = [] } = await alternate(bench.runs, {
      offpeak: () => runOffpeak(bench, product, sandbox, source),
      naive: () => runNaive(bench, sandbox, source),
    });
    const { files = [] } = await alternate(bench.runs, {
      files: () => runOffpeak(bench, product, sandbox, folder, { prompt: 'Summarize this note' }),
    });
    const ratio = ratioOf(msOf(offpeak), msOf(naive));
    const phases = phaseRow(offpeak);
    const filePhases = phaseRow(files);
    return [
      {
        title: `whole-way: ${jobs.toLocaleString('en-US')} jobs of 1 KB, source to exported JSONL`,
        columns,
        rows: [row('offpeak, JSONL', offpeak), row('naive script', naive), row('offpeak, folder of files', files)],
        notes: [verdict('at most 2 x the naive script', ratio.median <= 2, times(ratio))],
      },
      {
        title: 'whole-way: where our time goes (medians)',
        columns: ['source', ...phases.columns],
        rows: [
          ['JSONL', ...phases.cells],
          ['folder', ...filePhases.cells],
        ],
        notes: ['Packing goes on while jobs are enqueued; only what is left of it afterwards is shown.'],
      },
    ];
  } finally {
    await sandbox.close();
  }
}

/** The most memory each takes for some 200 MB of requests. */
export async function memory(bench: Bench, product: Product): Promise<Table[]> {
  const jobs = Math.round(50_000 * bench.scale);
  const source = jsonlFile(bench.work, jobs, 4096);
  const sandbox = await startSandboxProcess(bench.work);
  try {
    const { offpeak = [], naive = [] } = await alternate(bench.runs, {
      offpeak: () => runOffpeak(bench, product, sandbox, source),
      naive: () => runNaive(bench, sandbox, source),
    });
    const peak = spread(offpeak, 'peakBytes');
    return [
      {
        title: `memory: ${jobs.toLocaleString('en-US')} jobs of 4 KB`,
        columns,
        rows: [row('offpeak', offpeak), row('naive script', naive)],
        notes: [verdict('a peak of at most 200 MB', peak.median <= 200e6, megabytes(peak))],
      },
    ];
  } finally {
    await sandbox.close();
  }
}

/** Time should grow with the work, memory should not. */
export async function scale(bench: Bench, product: Product): Promise<Table[]> {
  const sizes = [50_000, 100_000, 200_000].map((jobs) => Math.round(jobs * bench.scale));
  const sandbox = await startSandboxProcess(bench.work);
  try {
    await runNaive(bench, sandbox, jsonlFile(bench.work, 2000, 1024));
    const bySize = await alternate(
      bench.runs,
      Object.fromEntries(
        sizes.map((jobs) => [
          String(jobs),
          () => runOffpeak(bench, product, sandbox, jsonlFile(bench.work, jobs, 1024)),
        ]),
      ),
    );
    const [least = [], , most = []] = sizes.map((jobs) => bySize[String(jobs)] ?? []);
    const growth = ratioOf(msOf(most), msOf(least));
    const heavier = ratioOf(
      most.map((run) => run.peakBytes),
      least.map((run) => run.peakBytes),
    );
    return [
      {
        title: 'scale: jobs of 1 KB, whole way',
        columns: ['jobs', ...columns.slice(1), 'per job'],
        rows: sizes.map((jobs) => {
          const runs = bySize[String(jobs)] ?? [];
          const perJob = (spread(runs, 'ms').median * 1000) / jobs;
          return [...row(jobs.toLocaleString('en-US'), runs), `${perJob.toFixed(0)} us`];
        }),
        notes: [
          verdict('time that grows with the jobs (4 x)', growth.median <= 4.4, times(growth)),
          verdict('memory that does not grow', heavier.median <= 1.25, times(heavier)),
        ],
      },
    ];
  } finally {
    await sandbox.close();
  }
}
