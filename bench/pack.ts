import { alternate, type Bench, medianOf, ratioOf, spreadOf } from './harness.ts';
import { microseconds, milliseconds, percent, perSecond, type Table, verdict } from './report.ts';
import { column, type Numbers, onFreshDatabase } from './store.ts';

/** What a job meets when it is claimed into a batch; the names are arguments of `children/pack.ts`. */
const ways = {
  fresh: 'nothing is looked up (`--fresh`)',
  distinct: 'sharing: all requests differ',
  budget: 'the same, with a budget',
  answered: 'sharing and reuse: another run has 10,000 answers',
  repeated: 'sharing: every second request is under way',
  reused: 'reuse: every second request was answered meanwhile',
} as const;

/** Claiming jobs into a batch: what sharing and budgets cost, and how long one call holds the event loop. */
export async function pack(bench: Bench): Promise<Table[]> {
  const jobs = Math.round(100_000 * bench.scale);
  const contenders = Object.keys(ways).map((way) => [way, onFreshDatabase(bench, 'pack.ts', [jobs, 1024, way])]);
  const all: Record<string, Numbers[]> = await alternate(bench.runs, Object.fromEntries(contenders));
  const speedOf = (way: keyof typeof ways) => column(all[way] ?? [], 'perSecond');
  const share = ratioOf(speedOf('budget'), speedOf('fresh'));
  const longest = Math.max(...Object.values(all).map((runs) => medianOf(column(runs, 'longestCallMs'))));
  return [
    {
      title: `pack: ${jobs.toLocaleString('en-US')} jobs of 1 KB into one batch`,
      columns: ['store.packJobs', 'jobs', 'CPU a job', 'call (median)', '99 of 100 calls', 'longest call', 'spared'],
      rows: Object.entries(ways).map(([way, words]) => row(words, all[way] ?? [])),
      notes: [
        verdict('the longest call at most 20 ms', longest <= 20, `${longest.toFixed(1)} ms`),
        `sharing and a budget together leave ${percent(share)} of the speed without either`,
      ],
    },
  ];
}

function row(words: string, runs: readonly Numbers[]): string[] {
  return [
    words,
    perSecond(spreadOf(column(runs, 'perSecond'))),
    microseconds(spreadOf(column(runs, 'cpuUs'))),
    milliseconds(spreadOf(column(runs, 'medianCallMs'))),
    milliseconds(spreadOf(column(runs, 'p99Ms'))),
    milliseconds(spreadOf(column(runs, 'longestCallMs'))),
    medianOf(column(runs, 'spared')).toLocaleString('en-US'),
  ];
}
