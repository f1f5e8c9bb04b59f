import { expect, test } from 'vitest';
import {
  type BulkBody,
  bearer,
  createFakeTokens,
  job,
  json,
  type ProblemBody,
  post,
  read,
  startServer,
} from '../server-fixtures.ts';

test('a job is queued as it was given, with its default priority', async () => {
  const { url, service } = await startServer();
  const answer = await post(`${url}/batch/queue`, { ...job, callback_url: 'https://example.com/hook' });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    job_id: 'creative_scoring_1',
    status: 'queued',
    message: 'Queued; it is sent with its queue.',
  });
  expect(service.queued).toEqual([
    {
      jobType: 'creative_scoring',
      provider: 'openai',
      data: { script: 'buy now' },
      priority: 5,
      callbackUrl: 'https://example.com/hook',
    },
  ]);
});

test.each([
  [{ ...job, priority: 11 }, 'priority'],
  [{ ...job, priority: 0 }, 'priority'],
  [{ ...job, priority: 1.5 }, 'priority'],
  [{ ...job, job_type: 'ctr_prediction' }, 'job_type'],
  [{ ...job, data: [] }, 'data'],
  [{ ...job, data: undefined }, 'data'],
  [{ ...job, status: 'succeeded' }, 'status'],
  [{ ...job, api_base: 'https://evil.example', api_key: 'k' }, 'api_base'],
  [{ ...job, tenant: 'x' }, 'tenant'],
  [{ ...job, cost: 0 }, 'cost'],
  [{ ...job, callback_url: 'no url' }, 'callback_url'],
  [[job], 'body'],
  ['job', 'body'],
])('%j is refused, and the field is named', async (body, field) => {
  const { url, service } = await startServer();
  const answer = await post(`${url}/batch/queue`, body);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  const problem = await read<ProblemBody>(answer);
  expect(problem).toMatchObject({ status: 400, code: 'invalid' });
  expect(problem.errors.map((each) => each.field)).toContain(field);
  expect(service.queued).toEqual([]);
});

test('what the service refuses is a 400 with the field, a changed body under the same key a 422', async () => {
  const { url, service } = await startServer();
  service.outcome = () => ({ type: 'refused', field: 'provider', message: 'is not configured' });
  const refused = await post(`${url}/batch/queue`, job);
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ errors: [{ field: 'provider', message: 'is not configured' }] });
  service.outcome = () => ({ type: 'conflict', message: 'The key was used for another job.' });
  const conflict = await post(`${url}/batch/queue`, job, { 'idempotency-key': 'k' });
  expect(conflict.status).toBe(422);
  expect(await conflict.json()).toMatchObject({ code: 'idempotency_conflict' });
  service.outcome = () => ({ type: 'same', jobId: 'creative_scoring_9', runId: 'run-1' });
  const same = await post(`${url}/batch/queue`, job, { 'idempotency-key': 'k' });
  expect([same.status, (await read<{ job_id: string }>(same)).job_id]).toEqual([200, 'creative_scoring_9']);
});

test('keys of two callers are two keys', async () => {
  const tokens = createFakeTokens();
  const { url, service } = await startServer({ tokens });
  const [one, two] = [tokens.add('queue'), tokens.add('queue')];
  // Made while the server runs: the next look finds them; the first request may still be an open one.
  for (const secret of [one, two]) {
    await post(`${url}/batch/queue`, job, { ...bearer(secret), 'idempotency-key': 'same' });
  }
  await post(`${url}/batch/queue`, job);
  expect(service.queued.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['open/same', 'open/same', undefined]);

  const closed = await startServer({ tokens });
  for (const secret of [one, two]) {
    await post(`${closed.url}/batch/queue`, job, { ...bearer(secret), 'idempotency-key': 'same' });
  }
  const keys = closed.service.queued.map(({ idempotencyKey }) => idempotencyKey);
  expect(new Set(keys).size).toBe(2);
  expect(keys.every((key) => key?.endsWith('/same'))).toBe(true);
});

test.each(['', 'with space', 'é', 'x'.repeat(256)])('the key %j is refused', async (key) => {
  const { url } = await startServer();
  const headers = new Headers(json);
  headers.set('idempotency-key', Buffer.from(key).toString('latin1'));
  const answer = await fetch(`${url}/batch/queue`, { method: 'POST', headers, body: JSON.stringify(job) });
  expect(answer.status).toBe(400);
  expect((await read<ProblemBody>(answer)).errors[0]?.field).toBe('Idempotency-Key');
});

test('__proto__ is refused, not stored', async () => {
  const { url, service } = await startServer();
  const send = (data: string) =>
    fetch(`${url}/batch/queue`, {
      method: 'POST',
      headers: json,
      body: `{"job_type":"creative_scoring","provider":"openai","data":${data}}`,
    });
  expect((await send('{"proto":{"admin":true}}')).status).toBe(200);
  expect((await send('{"__proto__":{"admin":true}}')).status).toBe(400);
  expect((await send('{"\\u005f_proto__":{"admin":true}}')).status).toBe(400);
  expect((await send('{"constructor":{"prototype":{"admin":true}}}')).status).toBe(400);
  expect(service.queued).toHaveLength(1);
});

test('in bulk each is taken or refused by itself, with its reason', async () => {
  const { url, service } = await startServer();
  service.outcome = ({ provider }) =>
    provider === 'nobody' ? { type: 'refused', field: 'provider', message: 'is not configured' } : undefined;
  const answer = await post(
    `${url}/batch/queue/bulk`,
    [job, { ...job, priority: 99 }, { ...job, provider: 'nobody' }, 'x', { ...job, colour: 'red' }, job],
    { 'idempotency-key': 'night' },
  );
  expect(answer.status).toBe(200);
  const body = await read<BulkBody>(answer);
  expect(body).toMatchObject({ total: 6, successful: 2, failed: 4 });
  expect(body.job_ids).toEqual(['creative_scoring_1', null, null, null, null, 'creative_scoring_2']);
  expect(body.errors.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  expect(body.errors[1]?.detail).toBe('provider: is not configured');
  expect(body.errors[3]?.detail).toBe('colour: unknown field');
  expect(service.queued.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['open/night 0', 'open/night 5']);
});

test('ten thousand in one call, one more is too many', async () => {
  const { url, service } = await startServer();
  const many = Array.from({ length: 10_000 }, (_, n) => ({ ...job, data: { n } }));
  const answer = await post(`${url}/batch/queue/bulk`, many);
  const body = await read<BulkBody>(answer);
  expect(body).toMatchObject({ total: 10_000, successful: 10_000, failed: 0, errors: [] });
  expect(new Set(body.job_ids).size).toBe(10_000);
  expect(service.queued.map(({ data }) => data.n)).toEqual(many.map(({ data }) => data.n));
  service.queued.length = 0;
  const more = await post(`${url}/batch/queue/bulk`, [...many, job]);
  expect(more.status).toBe(400);
  expect(service.queued).toEqual([]);
});

test.each([
  ['{}', 'must be a JSON array'],
  ['[]', 'has no elements'],
  ['', 'must be a JSON array'],
  ['[{"job_type":"creative_scoring"', 'does not end'],
  ['[{"a":1},{"a":}]', 'is not JSON'],
  ['[{"__proto__":1}]', 'is not JSON'],
])('a body %j is refused as a whole', async (body, words) => {
  const { url, service } = await startServer();
  const answer = await fetch(`${url}/batch/queue/bulk`, { method: 'POST', headers: json, body });
  expect(answer.status).toBe(400);
  expect((await read<ProblemBody>(answer)).detail).toContain(words);
  expect(service.queued).toEqual([]);
});

test('whatever passes when all of it is looked at is read in the end: a byte order mark before one job', async () => {
  const { url } = await startServer();
  const text = JSON.stringify(job);
  const body = `[${Array(300).fill(text).join(',')},\uFEFF${text}]`;
  const answer = await fetch(`${url}/batch/queue/bulk`, { method: 'POST', headers: json, body });
  expect(await read<BulkBody>(answer)).toMatchObject({ total: 301, successful: 301 });
});

test('when the store fails in the middle, those that are queued are not lost to the caller', async () => {
  const { url, service } = await startServer();
  let calls = 0;
  const queue = service.queues.queue;
  service.queues.queue = async (inputs) => {
    calls++;
    if (calls === 2) throw new Error('the disk is gone');
    return queue(inputs);
  };
  const body = await read<BulkBody>(post(`${url}/batch/queue/bulk`, Array(1_200).fill(job)));
  expect(body).toMatchObject({ total: 1_200, successful: 250, failed: 950 });
  expect(body.errors[0]).toEqual({ index: 250, detail: 'Something went wrong inside; the job is not queued.' });
  calls = 1;
  expect((await post(`${url}/batch/queue/bulk`, [job])).status).toBe(500);
});

/** The service's queues, telling how many jobs came in each call. */
async function watchedServer() {
  const started = await startServer();
  const { queues } = started.service;
  const { queue } = queues;
  const calls: unknown[] = [];
  queues.queue = (inputs, options) => {
    calls.push([inputs.length, options?.isPiece ?? false]);
    return queue(inputs, options);
  };
  return { url: started.url, calls };
}

test('a large call comes in pieces, which let single ones and small ones go before them', async () => {
  const { url, calls } = await watchedServer();
  await post(`${url}/batch/queue/bulk`, Array(300).fill(job));
  await post(`${url}/batch/queue/bulk`, Array(40).fill(job));
  await post(`${url}/batch/queue`, job);
  expect(calls).toEqual([
    [250, true],
    [50, true],
    [40, false],
    [1, false],
  ]);
});

test('texts to embed come in pieces that are small by count and by size', async () => {
  const { url, calls } = await watchedServer();
  const texts = [...Array(300).fill('short'), ...Array(5).fill('long '.repeat(100_000))];
  expect(await read(post(`${url}/batch/integrate/embeddings`, texts))).toMatchObject({ count: 305, errors: [] });
  expect(calls).toEqual([
    [250, true],
    [53, true],
    [2, true],
  ]);
});

test('a large call does not stop the others', async () => {
  const { url } = await startServer();
  const many = Array.from({ length: 10_000 }, () => ({ ...job, data: { text: 'x'.repeat(2_000) } }));
  let isDone = false;
  const bulk = post(`${url}/batch/queue/bulk`, many).finally(() => {
    isDone = true;
  });
  let meanwhile = 0;
  while (!isDone) {
    await fetch(`${url}/healthz`);
    meanwhile++;
  }
  expect((await bulk).status).toBe(200);
  expect(meanwhile).toBeGreaterThan(3);
});
