import { expect, onTestFinished, test, vi } from 'vitest';
import type { BatchDetails, Result } from '../../src/service/contract/batches.ts';
import type { JobDetails } from '../../src/service/contract/jobs.ts';
import type { RunDetails } from '../../src/service/contract/runs.ts';
import { startSandboxProcess } from '../support/sandbox-process.ts';
import { startService } from '../support/service-under-test.ts';
import { temporaryFolder, until } from '../support/temporary.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const json = { 'content-type': 'application/json' };

async function openService(options: { works?: boolean } = {}) {
  const sandbox = await startSandboxProcess(onTestFinished);
  const home = temporaryFolder(onTestFinished);
  const running = await startService(onTestFinished, { home, sandboxUrl: sandbox.url, ...options });
  const get = async <Shape>(path: string): Promise<Shape> => (await fetch(running.url + path)).json() as Promise<Shape>;
  const post = async <Shape>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Shape> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(running.url + path, { method: 'POST', headers: { ...json, ...headers }, ...init });
    return answer.json() as Promise<Shape>;
  };
  return { ...running, sandbox, home, get, post };
}

const job = (at: number, change: Record<string, unknown> = {}) => ({
  job_type: 'creative_scoring',
  provider: 'openai',
  data: { script: `script ${at}` },
  ...change,
});

test('queued over HTTP, sent by hand, followed to the results, every link from job to batch to answer', async () => {
  const { url, sandbox, errors, get, post } = await openService();
  const { job_id: jobId } = await post<{ job_id: string }>('/batch/queue', job(0));
  const bulk = await post<{ job_ids: string[]; successful: number }>(
    '/batch/queue/bulk',
    Array.from({ length: 5 }, (_, i) => job(i + 1)),
  );
  expect(bulk.successful).toBe(5);
  const waiting = await get<{ total_queued: number; breakdown: unknown }>('/batch/queue/status');
  expect(waiting).toMatchObject({ total_queued: 6, breakdown: { creative_scoring_openai: 6 } });

  const events = await fetch(`${url}/batch/events?after=0`);
  const sent = await post<{ batch_id: string; run_id: string; job_count: number; status: string }>('/batch/process', {
    job_type: 'creative_scoring',
    provider: 'openai',
  });
  expect(sent).toMatchObject({ status: 'submitted', job_count: 6 });
  const batch = await until('the batch has ended', async () => {
    const found = await get<BatchDetails>(`/batch/status/${sent.batch_id}`);
    return found.status === 'completed' && found;
  });
  expect(batch).toMatchObject({ job_count: 6, provider: 'openai', job_type: 'creative_scoring' });
  const page = await get<{ result_count: number; results: Result[] }>(`/batch/results/${sent.batch_id}`);
  expect(page.result_count).toBe(6);
  expect(new Set(page.results.map(({ job_id }) => job_id))).toEqual(new Set([jobId, ...bulk.job_ids]));
  expect(page.results.every(({ status }) => status === 'succeeded')).toBe(true);
  expect(page.results.find(({ job_id }) => job_id === jobId)?.data).toEqual({ script: 'script 0' });

  const details = await get<JobDetails>(`/batch/jobs/${jobId}`);
  expect(details).toMatchObject({ status: 'succeeded', batch_id: sent.batch_id, run_id: sent.run_id, attempts: 1 });
  expect((await sandbox.ledger()).rowsCharged).toBe(6);
  const savings = await get<{ batch_cost: number; total_savings: number }>('/batch/savings');
  expect(savings.batch_cost).toBeGreaterThan(0);
  expect(savings.total_savings).toBeCloseTo(savings.batch_cost, 6);

  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(`"batch_id":"${sent.batch_id}"`)) text += (await reader?.read())?.value ?? '';
  await reader?.cancel();
  expect(errors).toEqual([]);
});

test('a run of a queue is followed as JSON lines until it ends', async () => {
  const { url, post } = await openService();
  const queue = { job_type: 'hook_generation', provider: 'anthropic' };
  await post(
    '/batch/queue/bulk',
    Array.from({ length: 8 }, (_, i) => job(i, queue)),
  );
  const { run_ids: runs } = await post<{ run_ids: string[] }>('/batch/process/all');
  expect(runs).toHaveLength(1);
  const answer = await fetch(`${url}/batch/runs/${runs[0]}/results?follow=true`);
  const rows: Result[] = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows).toHaveLength(8);
  expect(rows.map(({ cursor }) => cursor)).toEqual(rows.map(({ cursor }) => cursor).toSorted((a, b) => a - b));
  const ended = await (await fetch(`${url}/batch/runs/${runs[0]}`)).json();
  expect(ended).toMatchObject({ state: 'ended' } satisfies Partial<RunDetails>);
});

test('the same key fifty times at once is one job; with another body it is refused, also after a restart', async () => {
  const { home, sandbox, url, close } = await openService({ works: false });
  const send = (base: string, at: number) =>
    fetch(`${base}/batch/queue`, {
      method: 'POST',
      headers: { ...json, 'idempotency-key': 'order-7' },
      body: JSON.stringify(job(at)),
    });
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(url, 1)));
  const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { job_id: string }).job_id));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(new Set(ids).size).toBe(1);
  expect((await send(url, 2)).status).toBe(422);
  await close();
  const again = await startService(onTestFinished, { home, sandboxUrl: sandbox.url, owner: 'serve-2', works: false });
  expect((await send(again.url, 2)).status).toBe(422);
  const same = await send(again.url, 1);
  expect(((await same.json()) as { job_id: string }).job_id).toBe(ids[0]);
  expect((await again.service.queues.status()).total_queued).toBe(1);
});

test('what cannot be sent is refused when it is queued, with the reason', async () => {
  const { post } = await openService({ works: false });
  const refused = [
    job(0, { provider: 'nobody' }),
    job(0, { job_type: 'embedding_generation', provider: 'anthropic', data: { input: 'x' } }),
    job(0, { data: {} }),
    job(0, { callback_url: 'file:///etc/passwd' }),
    job(0, { data: { messages: 'none' } }),
  ];
  for (const each of refused) {
    expect(await post('/batch/queue', each)).toMatchObject({ status: 400, errors: [{ field: expect.any(String) }] });
  }
  const bulk = await post<{ successful: number; errors: { index: number }[] }>('/batch/queue/bulk', [
    ...refused,
    job(9),
  ]);
  expect(bulk.successful).toBe(1);
  expect(bulk.errors.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
});

test('cancel and retry over HTTP, and who may do it', async () => {
  const { url, token, post, store } = await openService({ works: false });
  const { job_id: jobId } = await post<{ job_id: string }>('/batch/queue', job(1));
  expect(await post(`/batch/jobs/${jobId}/cancel`)).toMatchObject({ status: 'cancelled' });
  expect(await post(`/batch/jobs/${jobId}/cancel`)).toMatchObject({ status: 409 });
  expect(await post(`/batch/jobs/${jobId}/retry`)).toMatchObject({ status: 'queued' });
  const secret = await token('read');
  const server = await startService(onTestFinished, {
    home: temporaryFolder(onTestFinished),
    sandboxUrl: url,
    works: false,
    server: { tokens: store.service },
  });
  const ask = async (init: RequestInit) => (await fetch(`${server.url}/batch/process/all`, init)).status;
  expect(await ask({ method: 'POST' })).toBe(401);
  expect(await ask({ method: 'POST', headers: { authorization: `Bearer ${secret}` } })).toBe(403);
});

test('every listing and figure answers on an empty store as on a used one', async () => {
  const { url, post } = await openService({ works: false });
  const paths = [
    '/batch/queue/status',
    '/batch/active',
    '/batch/metrics',
    '/batch/dashboard',
    '/batch/savings',
    '/batch/report',
    '/batch/report?format=markdown',
    '/batch/alerts?all=true',
    '/batch/health',
    '/batch/jobs',
    '/batch/runs',
    '/batch/batches',
    '/batch/results',
    '/batch/costs?by=run',
    '/batch/settings',
    '/batch/providers?check=true',
    '/batch/deliveries',
    '/metrics',
    '/health',
    '/ready',
  ];
  const statuses = () => Promise.all(paths.map(async (path) => [path, (await fetch(url + path)).status]));
  const all200 = paths.map((path) => [path, 200]);
  expect(await statuses()).toEqual(all200);
  await post('/batch/queue', job(1));
  expect(await statuses()).toEqual(all200);
});
