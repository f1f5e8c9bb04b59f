import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newHome } from './end-to-end.ts';
import { type Bench, medianOf, runNode, spreadOf } from './harness.ts';
import { killAfter, killWhenReady } from './kill.ts';
import { jsonlFile } from './material.ts';
import type { Product } from './product.ts';
import { megabytes, milliseconds, type Table, verdict } from './report.ts';
import { type SilentProvider, startSilentProvider } from './silent-provider.ts';
import { vendors } from './vendors.ts';

const bodyBytes = 1024;
/** The engine's own; a lease ends so long after it was taken. */
const leaseMs = 30_000;
/** Nobody waits longer for a start. */
const limitMs = 120_000;

interface Resumed {
  /** From the start of the process, in milliseconds. */
  firstClaimMs: number;
  firstPollMs: number;
  firstPackMs: number;
  firstUploadMs: number;
  peakBytes: number;
}

/**
 * A store with a run in the middle, whose worker was killed with -9; then a new process, up to the first of everything. The
 * source of the run is still there, and is read again beside the work, as `offpeak resume` does.
 */
export async function resume(bench: Bench, product: Product): Promise<Table[]> {
  const jobs = Math.round(1_000_000 * bench.scale);
  const source = jsonlFile(bench.work, jobs, bodyBytes);
  const provider = await startSilentProvider();
  const template = mkdtempSync(join(bench.work, 'killed-'));
  try {
    bench.say('... ... making the store');
    const database = join(template, 'offpeak.db');
    await killWhenReady(['make-middle.ts', database, String(jobs), String(bodyBytes), provider.url, source]);
    const home = () => copyOf(bench, template, provider.url);
    const measured: Measured = { version: [], runs: [], resumed: [] };
    for (let run = 0; run < bench.runs; run++) {
      measured.version.push((await runNode([product.path, '--version'], { bare: true })).ms);
      measured.runs.push(await onHome(home(), (env) => runNode([product.path, 'runs'], { env })));
      measured.resumed.push(await onHome(home(), (env) => resumeOnce(product, env, provider)));
    }
    return [tableOf(jobs, statSync(database).size, measured)];
  } finally {
    rmSync(template, { recursive: true, force: true });
    await provider.close();
  }
}

interface Measured {
  version: number[];
  runs: { ms: number; peakBytes: number }[];
  resumed: Resumed[];
}

function tableOf(jobs: number, bytes: number, { version, runs, resumed }: Measured): Table {
  const of = (field: keyof Resumed) => spreadOf(resumed.map((run) => run[field]));
  const slowest = medianOf(resumed.map((run) => Math.max(run.firstClaimMs, run.firstPollMs)));
  const row = (name: string, field: keyof Resumed) => [name, milliseconds(of(field)), ''];
  return {
    title: `resume: ${jobs.toLocaleString('en-US')} jobs of 1 KB, ${(bytes / 1e9).toFixed(2)} GB, after kill -9`,
    columns: ['from the start of the process', 'time', 'peak memory'],
    rows: [
      ['offpeak --version, to its end', milliseconds(spreadOf(version)), ''],
      [
        'offpeak runs, to its end',
        milliseconds(spreadOf(runs.map(({ ms }) => ms))),
        megabytes(spreadOf(runs.map(({ peakBytes }) => peakBytes))),
      ],
      row('offpeak resume, to the first claim of a batch', 'firstClaimMs'),
      row('... to the first poll at the provider', 'firstPollMs'),
      row('... to the first jobs packed', 'firstPackMs'),
      ['... to the first upload', milliseconds(of('firstUploadMs')), megabytes(of('peakBytes'))],
    ],
    notes: [
      verdict('first claim and first poll in less than 3 s', slowest < 3000, `${(slowest / 1000).toFixed(2)} s`),
      verdict('a peak of at most 200 MB', of('peakBytes').median <= 200e6, megabytes(of('peakBytes'))),
      'The file is in the page cache; from a cold disk what is read of it comes on top.',
    ],
  };
}

function copyOf({ work }: Bench, template: string, url: string): string {
  const home = newHome(work, vendors.openai, url);
  for (const name of ['offpeak.db', 'offpeak.db-wal']) {
    if (existsSync(join(template, name))) copyFileSync(join(template, name), join(home, name));
  }
  return home;
}

async function onHome<T>(home: string, work: (env: { OFFPEAK_HOME: string }) => Promise<T>): Promise<T> {
  try {
    return await work({ OFFPEAK_HOME: home });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function resumeOnce(product: Product, env: { OFFPEAK_HOME: string }, provider: SilentProvider): Promise<Resumed> {
  const seen = provider.watch();
  const startedAt = Date.now();
  const peakBytes = await killAfter([product.path, 'resume'], env, Promise.all([seen.poll, seen.upload]), limitMs);
  // Read only now: a second connection would have done a part of the start.
  const db = new DatabaseSync(join(env.OFFPEAK_HOME, 'offpeak.db'), { readOnly: true });
  const firstOf = (sql: string) => Number(db.prepare(sql).get(startedAt)?.at ?? Number.NaN) - startedAt;
  const firstPollMs = (await seen.poll) - startedAt;
  // A polled batch has given its lease back; it was claimed right before the poll.
  const held = firstOf(`SELECT min(lease_until) - ${leaseMs} AS at FROM batches WHERE lease_until - ${leaseMs} >= ?`);
  const measured = {
    firstClaimMs: Number.isNaN(held) ? firstPollMs : Math.min(held, firstPollMs),
    firstPackMs: firstOf('SELECT min(started_at) AS at FROM attempts WHERE started_at >= ?'),
    firstPollMs,
    firstUploadMs: (await seen.upload) - startedAt,
    peakBytes,
  };
  db.close();
  return measured;
}
