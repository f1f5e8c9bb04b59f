import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sandboxProviders } from '../src/cli/create-providers.ts';
import { type Bench, medianOf, runChild, spreadOf } from './harness.ts';
import { startListening } from './listening.ts';
import type { Product } from './product.ts';
import { megabytes, milliseconds, type Table, verdict } from './report.ts';

const callsEach = 200;

/** What people look at, with a million jobs in the store. */
export async function serviceViews(bench: Bench, product: Product): Promise<Table[]> {
  const jobs = Math.round(1_000_000 * bench.scale);
  const home = mkdtempSync(join(bench.work, 'views-'));
  try {
    bench.say('... ... making the store');
    const database = join(home, 'offpeak.db');
    await runChild('make-service-store.ts', [database, jobs, JSON.stringify(await accounts())]);
    const server = await startListening([
      product.path,
      'serve',
      '--sandbox',
      '--no-work',
      '--port',
      '0',
      '--home',
      home,
    ]);
    try {
      const figures: { name: string; times: number[] }[] = [];
      for (const [name, path] of Object.entries(await paths(server.url))) {
        figures.push({ name, times: await timesOf(server.url + path) });
      }
      const slowest = Math.max(...figures.map(({ times }) => percentile(times, 0.99)));
      return [
        {
          title: `service: what people look at, ${jobs.toLocaleString('en-US')} jobs, ${(statSync(database).size / 1e9).toFixed(2)} GB`,
          columns: ['call', 'median', 'p99', 'longest'],
          rows: figures.map(({ name, times }) => [
            name,
            `${medianOf(times).toFixed(1)} ms`,
            `${percentile(times, 0.99).toFixed(1)} ms`,
            `${Math.max(...times).toFixed(1)} ms`,
          ]),
          notes: [
            verdict('every call under 50 ms at p99', slowest < 50, `${slowest.toFixed(1)} ms`),
            verdict(
              'memory of the server under 300 MB',
              server.peakBytes() < 300e6,
              megabytes(spreadOf([server.peakBytes()])),
            ),
            verdict('ready in under 3 s after start', server.readyMs < 3000, milliseconds(spreadOf([server.readyMs]))),
            `${callsEach} calls each, one after another; the dashboard's figures are kept for a second.`,
          ],
        },
      ];
    } finally {
      await server.close();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The sandbox's accounts do not depend on its address. */
async function accounts(): Promise<Record<string, string>> {
  const providers = await sandboxProviders('http://127.0.0.1:1');
  return Object.fromEntries(providers.map(({ name, account }) => [name, account]));
}

async function paths(url: string): Promise<Record<string, string>> {
  const json = async (path: string) => (await (await fetch(url + path)).json()) as Record<string, never[]>;
  const [run] =
    (await json('/batch/runs?limit=50')).runs?.filter((each: { state: string }) => each.state === 'ended') ?? [];
  const [batch] = (await json('/batch/batches?limit=1')).batches ?? [];
  const { run_id: runId } = run as unknown as { run_id: string };
  const { batch_id: batchId } = batch as unknown as { batch_id: string };
  const [job] = (await json(`/batch/jobs?run_id=${runId}&limit=1`)).jobs ?? [];
  const { job_id: jobId } = job as unknown as { job_id: string };
  return Object.fromEntries(
    [
      '/batch/dashboard',
      '/batch/queue/status',
      '/batch/active',
      '/batch/metrics',
      '/batch/savings',
      '/batch/report?days=30',
      '/batch/costs?by=day',
      '/batch/alerts',
      '/batch/health',
      '/batch/runs?limit=50',
      `/batch/runs/${runId}`,
      `/batch/runs/${runId}/results?limit=50`,
      '/batch/batches?limit=50',
      `/batch/status/${batchId}`,
      `/batch/results/${batchId}?limit=50`,
      '/batch/jobs?limit=50',
      '/batch/jobs?limit=50&state=failed',
      `/batch/jobs?run_id=${runId}&limit=50&state=failed`,
      `/batch/jobs?run_id=${runId}&limit=50&state=running`,
      `/batch/jobs/${jobId}`,
      '/metrics',
    ].map((path) => [path.replace(runId, 'RUN').replace(batchId, 'BATCH').replace(jobId, 'JOB'), path]),
  );
}

async function timesOf(url: string): Promise<number[]> {
  const times: number[] = [];
  for (let call = 0; call < callsEach; call++) {
    const startedAt = performance.now();
    const answer = await fetch(url);
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
