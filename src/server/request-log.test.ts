import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { bearer, createFakeTokens, json, post, startServer } from './server-fixtures.ts';

function createLog(level: string) {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  return { log: pino({ level }, sink), lines };
}

const canary = 'canary-7f3a';

test('no secret and no prompt is in a line, whatever happens', async () => {
  const tokens = createFakeTokens();
  const secret = tokens.add('admin');
  const { log, lines } = createLog('trace');
  const { url, service } = await startServer({ tokens, log });
  const headers = { ...bearer(secret), 'idempotency-key': canary, cookie: canary };
  const hidden = { job_type: 'creative_scoring', provider: 'openai', data: { prompt: canary } };
  await post(`${url}/batch/queue`, hidden, headers);
  await post(`${url}/batch/queue`, { ...hidden, priority: 99 }, headers);
  await post(`${url}/batch/queue/bulk`, [hidden, { ...hidden, priority: 99 }], headers);
  const query = `creative_id=1&script=${canary}`;
  await fetch(`${url}/batch/integrate/creative-scoring?${query}`, { method: 'POST', headers });
  await fetch(`${url}/batch/integrate/creative-scoring?${query}&priority=99`, { method: 'POST', headers });
  await fetch(`${url}/batch/nothing?token=${canary}`, { headers });
  await fetch(`${url}/%zz?token=${canary}`, { headers });
  await fetch(`${url}/batch/active`, { headers: { authorization: `Bearer ${canary}` } });
  await fetch(`${url}/batch/queue`, { method: 'POST', headers: { ...headers, ...json }, body: `{"${canary}` });
  service.views.active = async () => {
    throw new Error('the disk is gone');
  };
  const failed = await fetch(`${url}/batch/active`, { headers });
  const answer = await failed.text();
  expect(failed.status).toBe(500);
  expect(answer).not.toContain('disk');
  expect(answer).not.toContain('.ts');
  const text = JSON.stringify(lines);
  expect(lines.length).toBeGreaterThan(15);
  expect(text).not.toContain(canary);
  expect(text).not.toContain(secret);
  expect(text).toContain('the disk is gone');
  const { headers: given } = failed;
  expect(lines.find(({ req, level }) => req === given.get('x-request-id') && level === 50)).toMatchObject({
    method: 'GET',
    path: '/batch/active',
    status: 500,
    code: 'internal',
    err: { message: 'the disk is gone' },
  });
});

test('at info a line for each refusal, with the ids of the path, and none for what went well', async () => {
  const { log, lines } = createLog('info');
  const { url } = await startServer({ log });
  lines.length = 0;
  await fetch(`${url}/batch/active`);
  await fetch(`${url}/batch/runs/run-9`);
  await fetch(`${url}/batch/jobs/job_2/cancel`, { method: 'POST' });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ msg: 'refused', run_id: 'run-9', status: 404, caller: 'open' });
  expect(lines[1]).toMatchObject({ job_id: 'job_2', status: 409, code: 'under_way' });
});

test('an answer that does not fit the contract goes out, cut to it, and is told', async () => {
  const { log, lines } = createLog('info');
  const { url, service } = await startServer({ log });
  const health = await service.views.health();
  service.views.health = async () => ({ ...health, ...{ api_key: canary } });
  const cut = await fetch(`${url}/batch/health`);
  expect(await cut.text()).not.toContain(canary);
  service.views.health = async () => ({ ...health, queue_size: -1 });
  const strange = await fetch(`${url}/batch/health`);
  expect(strange.status).toBe(200);
  expect(await strange.json()).toMatchObject({ queue_size: -1 });
  expect(lines.at(-1)).toMatchObject({
    msg: 'an answer does not fit the contract',
    route: '/batch/health',
    errors: [{ field: 'queue_size' }],
  });
});
