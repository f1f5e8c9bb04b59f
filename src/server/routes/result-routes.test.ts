import { request } from 'node:http';
import { expect, test } from 'vitest';
import type { Result } from '../../service/contract/batches.ts';
import { type ProblemBody, read, startServer } from '../server-fixtures.ts';
import { result } from '../service-fixtures.ts';

const lines = async (response: Response): Promise<Result[]> =>
  (await response.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const cursors = (rows: readonly { cursor: number }[]) => rows.map(({ cursor }) => cursor);
const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => i + from);

test('all results as JSON lines, from a cursor on, at most so many', async () => {
  const { url, service } = await startServer();
  service.rows = upTo(350).map((n) => result(n));
  const all = await fetch(`${url}/batch/results`);
  expect(all.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  const rows = await lines(all);
  expect(rows[0]).toEqual(result(1));
  expect(cursors(rows)).toEqual(upTo(350));
  expect(cursors(await lines(await fetch(`${url}/batch/results?after=300&limit=10`)))).toEqual(upTo(10, 301));
  expect(await lines(await fetch(`${url}/batch/results?after=350`))).toEqual([]);
  expect((await fetch(`${url}/batch/results?after=-1`)).status).toBe(400);
});

test('a batch that ended without rows gives 0 of them; one that has not ended, 404 with the reason', async () => {
  const { url, service } = await startServer();
  const empty = await fetch(`${url}/batch/results/openai_1`);
  expect(empty.status).toBe(200);
  expect(await empty.json()).toEqual({ batch_id: 'openai_1', result_count: 0, results: [], next_cursor: null });
  service.batchStatus = 'processing';
  const early = await fetch(`${url}/batch/results/openai_1`);
  expect(early.status).toBe(404);
  expect((await read<ProblemBody>(early)).detail).toContain('has not ended (processing)');
  expect((await fetch(`${url}/batch/results/openai_2`)).status).toBe(404);
});

test('the results of a batch come in pages', async () => {
  const { url, service } = await startServer();
  service.rows = upTo(250).map((n) => result(n));
  interface Page {
    results: Result[];
    result_count: number;
    next_cursor: number | null;
  }
  const first = await read<Page>(fetch(`${url}/batch/results/openai_1?limit=200`));
  expect([first.result_count, first.next_cursor]).toEqual([200, 200]);
  expect(first.results[199]).toEqual(result(200));
  const last = await read<Page>(fetch(`${url}/batch/results/openai_1?limit=200&after=${first.next_cursor}`));
  expect([last.result_count, last.next_cursor]).toEqual([50, null]);
  expect(cursors([...first.results, ...last.results])).toEqual(upTo(250));
});

test('followed, a run gives its results as they come and ends with it', async () => {
  const { url, service, server } = await startServer({ limits: { pollMs: 20 } });
  service.rows = [result(1)];
  const response = await fetch(`${url}/batch/runs/run-1/results?follow=true`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(JSON.parse((await reader?.read())?.value ?? '')).toMatchObject({ cursor: 1 });
  service.rows = [...service.rows, result(2)];
  server.notify();
  expect(JSON.parse((await reader?.read())?.value ?? '')).toMatchObject({ cursor: 2 });
  // Ends together with its last row.
  service.rows = [...service.rows, result(3)];
  service.runEnded = true;
  service.happen('run_ended');
  server.notify();
  expect(JSON.parse((await reader?.read())?.value ?? '')).toMatchObject({ cursor: 3 });
  expect((await reader?.read())?.done).toBe(true);
});

test('an end that no event tells is found all the same', async () => {
  const { url, service } = await startServer({ limits: { pollMs: 5 } });
  const response = await fetch(`${url}/batch/runs/run-1/results?follow=true`);
  service.rows = [result(1)];
  service.runEnded = true;
  expect(cursors(await lines(response))).toEqual([1]);
});

test('an unknown run is a 404, not an empty stream', async () => {
  const { url } = await startServer();
  expect((await fetch(`${url}/batch/runs/run-9/results`)).status).toBe(404);
  expect((await fetch(`${url}/batch/runs/run-9/results?follow=true`)).status).toBe(404);
  expect((await fetch(`${url}/batch/runs/run-1/results?follow=yes`)).status).toBe(400);
});

test('a part is never taken for the whole: a failure and the end of the server cut the connection', async () => {
  const { url, service, server } = await startServer({ limits: { pollMs: 20 } });
  service.rows = upTo(100).map((n) => result(n));
  const results = service.views.results;
  service.views.results = async (filter) => {
    if (filter.after >= 100) throw new Error('the disk is gone');
    return results(filter);
  };
  const broken = await fetch(`${url}/batch/results`);
  expect(broken.status).toBe(200);
  await expect(broken.text()).rejects.toThrow();
  service.views.results = results;
  const followed = await fetch(`${url}/batch/runs/run-1/results?follow=true`);
  const closing = server.close();
  await expect(followed.text()).rejects.toThrow();
  await closing;
});

test('no page is read before the one before it is taken', async () => {
  const { url, service } = await startServer();
  const long = 'x'.repeat(20_000);
  let read = 0;
  service.views.results = async ({ after, limit }) => {
    read++;
    return after >= 20_000 ? [] : upTo(limit, after + 1).map((n) => result(n, long));
  };
  await new Promise<void>((resolve, reject) => {
    const asked = request(`${url}/batch/results`, { agent: false }, (response) => {
      response.pause();
      // 20,000 rows are 400 MB; what fits into the buffers of two sockets is a few.
      setTimeout(() => {
        expect(read).toBeLessThan(20);
        response.destroy();
        resolve();
      }, 300);
    });
    asked.on('error', reject);
    asked.end();
  });
  const before = read;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(read - before).toBeLessThan(3);
});
