import { alternate, type Bench, medianOf, spreadOf } from './harness.ts';
import { megabytes, milliseconds, perSecond, type Table, verdict } from './report.ts';
import { column, type Numbers, onFreshDatabase } from './store.ts';
import { type VendorName, vendors } from './vendors.ts';

const wantedPerSecond = 30_000;
const answerBytes = 1024;

/** Results off the wire into the store: parsed, judged, priced, durable. */
export async function collect(bench: Bench): Promise<Table[]> {
  const rows = Math.round(100_000 * bench.scale);
  const by = (script: string, vendor: VendorName, order: string) =>
    onFreshDatabase(bench, script, [vendor, rows, answerBytes, order]);
  const names = Object.keys(vendors) as VendorName[];
  const contenders = names.flatMap((vendor) => [
    [vendor, by('collect.ts', vendor, 'in order')] as const,
    // Gemini alone keeps the order of what was sent.
    ...(vendor === 'gemini' ? [] : [[`${vendor}, in any order`, by('collect.ts', vendor, 'shuffled')] as const]),
    [`${vendor}, split, parse, bare insert`, by('collect-bare.ts', vendor, 'in order')] as const,
  ]);
  const all = await alternate(bench.runs, Object.fromEntries(contenders));
  const ours = Object.entries(all).filter(([name]) => !name.includes('bare'));
  const speeds = ours.map(([, runs]) => medianOf(column(runs, 'perSecond')));
  const slowest = Math.min(...speeds);
  const longest = Math.max(...ours.map(([, runs]) => medianOf(column(runs, 'longestHoldMs'))));
  return [
    {
      title: `collect: ${rows.toLocaleString('en-US')} answers of 1 KB, from a local server into the store`,
      columns: ['contender', 'rows', 'CPU a row', 'of bytes', 'longest hold of the event loop', 'peak memory'],
      rows: Object.entries(all).map(([name, runs]) => row(name, runs)),
      notes: [
        verdict(
          `at least ${wantedPerSecond.toLocaleString('en-US')} rows a second for each provider`,
          slowest >= wantedPerSecond,
          `${Math.round(slowest).toLocaleString('en-US')}/s`,
        ),
        verdict('the event loop held for at most 20 ms', longest <= 20, `${longest.toFixed(1)} ms`),
        'The server of the prepared bytes is a process of its own on the same cores.',
      ],
    },
  ];
}

function row(name: string, runs: readonly Numbers[]): string[] {
  const holds = column(runs, 'longestHoldMs');
  return [
    name,
    perSecond(spreadOf(column(runs, 'perSecond'))),
    `${medianOf(column(runs, 'cpuUs')).toFixed(1)} us`,
    `${medianOf(column(runs, 'mbPerSecond')).toFixed(0)} MB/s`,
    holds.some(Number.isNaN) ? '-' : milliseconds(spreadOf(holds)),
    megabytes(spreadOf(column(runs, 'peakBytes'))),
  ];
}
