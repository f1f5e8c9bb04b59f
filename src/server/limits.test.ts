import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { job, json, type ProblemBody, post, read, startServer } from './server-fixtures.ts';

/** Writes the pieces and reads until the other side closes. */
async function raw(url: string, ...pieces: (string | number)[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const all = answerOf(socket);
  for (const piece of pieces) {
    if (typeof piece === 'number') await new Promise((resolve) => setTimeout(resolve, piece));
    else if (!socket.destroyed) socket.write(piece);
  }
  return all;
}

function answerOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('error', () => {});
  return new Promise((resolve) => socket.on('close', () => resolve(text)));
}

const head = (length: number, extra = '') =>
  `POST /batch/queue HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${extra}\r\n`;
const quick = { headersTimeoutMs: 200, bodyTimeoutMs: 200, bulkTimeoutMs: 1_500, checkIntervalMs: 50 };

function problemIn(answer: string): ProblemBody {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
}

test('a body over the limit is refused before it is read', async () => {
  const { url, service } = await startServer();
  const answer = await post(`${url}/batch/queue`, { ...job, data: { text: 'x'.repeat(1_100_000) } });
  expect(answer.status).toBe(413);
  expect(await read<ProblemBody>(answer)).toMatchObject({ status: 413, code: 'too_large' });
  const announced = await raw(url, head(2_000_000));
  expect(announced).toMatch(/^HTTP\/1.1 413 /);
  expect(announced.toLowerCase()).toContain('connection: close');
  expect(service.queued).toEqual([]);
  expect((await post(`${url}/batch/queue`, { ...job, data: { text: 'x'.repeat(1_000_000) } })).status).toBe(200);
});

test('a bulk body may be larger, to its own limit', async () => {
  const { url } = await startServer({ limits: { bulkBodyBytes: 3_000_000 } });
  const big = (count: number) => Array.from({ length: count }, () => ({ ...job, data: { text: 'x'.repeat(900_000) } }));
  expect((await post(`${url}/batch/queue/bulk`, big(3))).status).toBe(200);
  expect((await post(`${url}/batch/queue/bulk`, big(4))).status).toBe(413);
  const one = [{ ...job, data: { text: 'x'.repeat(1_100_000) } }, job];
  const answer = await post(`${url}/batch/queue/bulk`, one);
  expect(await answer.json()).toMatchObject({
    successful: 1,
    errors: [{ index: 0, detail: 'is larger than 1048576 bytes' }],
  });
});

test('headers without end are 431, what is no HTTP 400, as problems too', async () => {
  const { url } = await startServer();
  const many = Array.from({ length: 5_000 }, (_, i) => `x-${i}: 1\r\n`).join('');
  for (const large of [`x: ${'y'.repeat(20_000)}\r\n`, many]) {
    const answer = await raw(url, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${large}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
    expect(problemIn(answer)).toMatchObject({ status: 431, code: 'too_large' });
  }
  const nonsense = await raw(url, 'hello\r\n\r\n');
  expect(nonsense).toMatch(/^HTTP\/1.1 400 /);
  expect(problemIn(nonsense)).toMatchObject({ status: 400, code: 'bad_request' });
});

test.each([
  ['text/plain', 415],
  ['application/xml', 415],
  ['multipart/form-data; boundary=x', 415],
  ['application/x-www-form-urlencoded', 415],
  ['no type', 415],
  ['application/json; charset=utf-8', 200],
])('a body of %s is answered %i', async (type, status) => {
  const { url } = await startServer();
  for (const path of ['/batch/queue', '/batch/queue/bulk']) {
    const body = JSON.stringify(path.endsWith('bulk') ? [job] : job);
    const answer = await fetch(url + path, { method: 'POST', headers: { 'content-type': type }, body });
    expect(answer.status).toBe(status);
  }
});

test('broken JSON is a 400 that does not repeat it', async () => {
  const { url } = await startServer();
  for (const body of ['{"secret', '', 'nul', '{"a":1}}', '\u0000']) {
    const answer = await fetch(`${url}/batch/queue`, { method: 'POST', headers: json, body });
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain('secret');
  }
});

test('a route without a body takes none, one, and an empty one', async () => {
  const { url } = await startServer();
  const ask = (init: RequestInit) => fetch(`${url}/batch/process/all`, { method: 'POST', ...init });
  for (const init of [{}, { headers: json }, { headers: json, body: '{}' }]) expect((await ask(init)).status).toBe(200);
});

test('a connection on which nothing moves is cut, but not while a long route works', { timeout: 30_000 }, async () => {
  const { url, service } = await startServer({ limits: { stallMs: 200 } });
  const { process, cancelRun } = service.queues;
  const late = () => new Promise((resolve) => setTimeout(resolve, 700));
  service.queues.process = (input) => late().then(() => process(input));
  service.queues.cancelRun = (id) => late().then(() => cancelRun(id));
  const body = { job_type: 'creative_scoring', provider: 'openai' };
  expect((await post(`${url}/batch/process`, body)).status).toBe(200);
  await expect(post(`${url}/batch/runs/run-1/cancel`, {})).rejects.toThrow();
});

test('slow senders are cut: of headers, of a body, of a bulk body later', { timeout: 30_000 }, async () => {
  const { url, service } = await startServer({ limits: quick });
  const bulk = head(10).replace('/batch/queue', '/batch/queue/bulk');
  const began = performance.now();
  const [headers, body, large] = await Promise.all([
    raw(url, 'POST /batch/queue HTTP/1.1\r\nHost: localhost\r\nX: ').then((text) => ({ text, at: performance.now() })),
    raw(url, head(10), '{"a"').then((text) => ({ text, at: performance.now() })),
    raw(url, bulk, '[').then((text) => ({ text, at: performance.now() })),
  ]);
  for (const { text } of [headers, body, large]) {
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    expect(problemIn(text)).toMatchObject({ status: 408, code: 'too_slow' });
  }
  expect(large.at - began).toBeGreaterThan(1_400);
  expect(large.at).toBeGreaterThan(body.at);
  expect(service.queued).toEqual([]);
});

test('400 slow sockets do not keep others from their answers', { timeout: 30_000 }, async () => {
  const { url } = await startServer({ limits: { ...quick, headersTimeoutMs: 1_500, bulkTimeoutMs: 2_000 } });
  const slow = Array.from({ length: 400 }, () => raw(url, 'GET /healthz HTTP/1.1\r\nHost: loc'));
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const began = performance.now();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  expect(times[100]).toBeLessThan(100);
  for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1.1 408 /);
});

test('a body that is refused unread is not taken for the next request', async () => {
  const { url } = await startServer();
  const smuggled = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const answer = await raw(
    url,
    `POST /batch/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n${smuggled}`,
    50,
  );
  expect(answer.match(/HTTP\/1.1 /g)).toHaveLength(1);
  expect(answer).toMatch(/^HTTP\/1.1 404 /);
});
