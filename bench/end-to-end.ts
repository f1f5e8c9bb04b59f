import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Bench, here, type Measured, medianOf, runNode } from './harness.ts';
import type { Product } from './product.ts';
import type { SandboxProcess } from './sandbox-process.ts';
import { type Vendor, vendors } from './vendors.ts';

/** Both contenders begin with this pause between two polls. */
const pollMs = 50;

export interface WholeRun extends Measured {
  /** Milliseconds; the two contenders name theirs differently. */
  phases: Record<string, number>;
}

/** JSONL or folder in, JSONL out, by the command in a process and a home of its own. */
export async function runOffpeak(
  { work }: Bench,
  product: Product,
  sandbox: SandboxProcess,
  source: string,
  { prompt, vendor = vendors.openai }: { prompt?: string; vendor?: Vendor } = {},
): Promise<WholeRun> {
  await sandbox.reset();
  const home = newHome(work, vendor, sandbox.url);
  try {
    const output = join(home, 'results.jsonl');
    const flags = prompt === undefined ? [] : ['--prompt', prompt];
    const startedAt = Date.now();
    const measured = await runNode(
      [product.path, 'run', source, ...flags, '--model', `${vendor.name}:${vendor.model}`, '--output', output],
      { env: { OFFPEAK_HOME: home } },
    );
    const phases = phasesOf(join(home, 'offpeak.db'), startedAt, startedAt + measured.ms);
    if (statSync(output).size === 0) throw new Error('offpeak wrote no results');
    return { ...measured, phases };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** A home whose settings lead to a server of ours; the caller removes it. */
export function newHome(work: string, vendor: Vendor, url: string): string {
  const home = mkdtempSync(join(work, 'home-'));
  const settings = { ...vendor.settings(url), poll_interval: pollMs / 1000 };
  writeFileSync(join(home, 'config.yaml'), `providers: ${JSON.stringify({ [vendor.name]: settings })}\n`, {
    mode: 0o600,
  });
  return home;
}

/** The same input by the script beside this file; it times its own phases. */
export async function runNaive(
  { work }: Bench,
  sandbox: SandboxProcess,
  source: string,
  vendor: Vendor = vendors.openai,
): Promise<WholeRun> {
  await sandbox.reset();
  const output = join(work, 'naive.jsonl');
  const measured = await runNode([here(vendor.naive), source, output, String(pollMs), vendor.model], {
    env: vendor.env(sandbox.url),
  });
  rmSync(output, { force: true });
  const { phases } = JSON.parse(measured.stdout) as { phases: Record<string, number> };
  return { ...measured, phases };
}

/** Phases of the life of a batch, by the event that begins and the one that ends each. */
const batchPhases = [
  ['upload', 'batch_packed', 'batch_submitting'],
  ['create', 'batch_submitting', 'batch_in_progress'],
  ['wait for the provider', 'batch_in_progress', 'batch_ended'],
  ['collect', 'batch_collecting', 'batch_collected'],
] as const;

/**
 * What the store's own events say about where the time went. Phases of several batches may overlap, so each is the sum
 * over the batches, and with more than one the phases add up to more than the whole.
 */
function phasesOf(database: string, startedAt: number, endedAt: number): Record<string, number> {
  const db = new DatabaseSync(database, { readOnly: true });
  const events = db.prepare('SELECT at, batch, type FROM events ORDER BY id').all() as unknown as Event[];
  db.close();
  const first = (type: string) => events.find((event) => event.type === type)?.at ?? startedAt;
  const last = (type: string) => events.findLast((event) => event.type === type)?.at ?? endedAt;
  const phases: Record<string, number> = {
    start: first('run_created') - startedAt,
    enqueue: last('run_running') - first('run_created'),
    'pack after it': Math.max(0, last('batch_packed') - last('run_running')),
  };
  for (const [name, from, to] of batchPhases) phases[name] = sumOf(events, from, to);
  phases['export and end'] = endedAt - last('run_ended');
  return phases;
}

interface Event {
  at: number;
  batch: number | null;
  type: string;
}

function sumOf(events: readonly Event[], from: string, to: string): number {
  const batches = new Set(events.flatMap(({ batch }) => (batch === null ? [] : [batch])));
  let sum = 0;
  for (const batch of batches) {
    const ofBatch = events.filter((event) => event.batch === batch);
    const begin = ofBatch.find((event) => event.type === from);
    const end = ofBatch.find((event) => event.type === to);
    if (begin && end) sum += end.at - begin.at;
  }
  return sum;
}

/** Median of each phase, as cells of a table. */
export function phaseRow(runs: readonly WholeRun[]): { columns: string[]; cells: string[] } {
  const columns = Object.keys(runs[0]?.phases ?? {});
  const cells = columns.map((name) => `${(medianOf(runs.map((run) => run.phases[name] ?? 0)) / 1000).toFixed(2)} s`);
  return { columns, cells };
}
