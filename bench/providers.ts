import { runNaive, runOffpeak, type WholeRun } from './end-to-end.ts';
import { alternate, type Bench, medianOf, spreadOf } from './harness.ts';
import type { Product } from './product.ts';
import { megabytes, seconds, type Table, verdict } from './report.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { type Vendor, vendors } from './vendors.ts';

/** One batch of each provider, close to its limits, beside a script on the vendor's own client. */
export async function providers(bench: Bench, product: Product): Promise<Table[]> {
  const sandbox = await startSandboxProcess(bench.work);
  try {
    const tables: Table[] = [];
    for (const vendor of [vendors.anthropic, vendors.openai, vendors.gemini]) {
      bench.say(`... ... ${vendor.name}`);
      tables.push(await measure(bench, product, sandbox, vendor));
    }
    return tables;
  } finally {
    await sandbox.close();
  }
}

async function measure(bench: Bench, product: Product, sandbox: SandboxProcess, vendor: Vendor): Promise<Table> {
  const rows = Math.round(vendor.rows * bench.scale);
  const source = vendor.source(bench.work, rows, vendor.bodyBytes);
  // The sandbox's code is slow until V8 has compiled it; nobody is to pay for that.
  await runNaive(bench, sandbox, vendor.source(bench.work, 2000, 1024), vendor);
  const { offpeak = [], naive = [] } = await alternate(bench.runs, {
    offpeak: () => runOffpeak(bench, product, sandbox, source, { vendor }),
    naive: () => runNaive(bench, sandbox, source, vendor),
  });
  const peak = spreadOf(offpeak.map((run) => run.peakBytes));
  const size = `${((rows * vendor.bodyBytes) / 1e6).toFixed(0)} MB of bodies`;
  return {
    title: `providers: ${vendor.name}, ${rows.toLocaleString('en-US')} rows in one batch, ${size}`,
    columns: ['contender', 'peak memory', 'wall', 'CPU', 'packed', 'uploaded', 'created', 'collected'],
    rows: [row('offpeak', offpeak, ourPhases(vendor), rows), row('naive script', naive, naivePhases(vendor), rows)],
    notes: [
      verdict('a peak of at most 200 MB', peak.median <= 200e6, megabytes(peak)),
      'packed: read, and durable in a sealed batch (the script: read and written anew). Wall includes the provider.',
    ],
  };
}

interface Phases {
  packed: readonly string[];
  uploaded: readonly string[];
  created: readonly string[];
  collected: readonly string[];
}

const ourPhases = ({ uploads }: Vendor): Phases => ({
  packed: ['enqueue', 'pack after it'],
  uploaded: uploads ? ['upload'] : [],
  created: ['create'],
  collected: ['collect'],
});

const naivePhases = ({ uploads }: Vendor): Phases => ({
  packed: ['pack'],
  uploaded: uploads ? ['upload'] : [],
  created: ['create'],
  collected: ['collect'],
});

function row(name: string, runs: readonly WholeRun[], phases: Phases, rows: number): string[] {
  const speed = (names: readonly string[]) => {
    if (names.length === 0) return '-';
    const ms = medianOf(runs.map((run) => names.reduce((sum, phase) => sum + (run.phases[phase] ?? 0), 0)));
    if (ms < 50) return `${ms.toFixed(0)} ms`;
    return `${(ms / 1000).toFixed(2)} s, ${Math.round((rows / ms) * 1000).toLocaleString('en-US')}/s`;
  };
  return [
    name,
    megabytes(spreadOf(runs.map((run) => run.peakBytes))),
    seconds(spreadOf(runs.map((run) => run.ms))),
    seconds(spreadOf(runs.map((run) => run.cpuMs))),
    speed(phases.packed),
    speed(phases.uploaded),
    speed(phases.created),
    speed(phases.collected),
  ];
}
