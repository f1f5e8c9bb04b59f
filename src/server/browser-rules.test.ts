import { request } from 'node:http';
import { expect, test } from 'vitest';
import { job, json, startServer } from './server-fixtures.ts';

function ask(
  url: string,
  headers: Record<string, string>,
  method = 'POST',
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false, headers: { ...json, ...headers } }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? JSON.stringify(job) : '');
  });
}

test('a name that suddenly points here is refused, for reading and for writing', async () => {
  const { url, service } = await startServer();
  for (const method of ['POST', 'GET']) {
    const answer = await ask(`${url}/batch/queue`, { host: 'evil.example' }, method);
    expect(answer.status).toBe(403);
  }
  expect((await ask(`${url}/`, { host: 'evil.example' }, 'GET')).status).toBe(403);
  expect((await ask(`${url}/openapi.json`, { host: 'evil.example' }, 'GET')).status).toBe(403);
  expect(service.queued).toEqual([]);
  const named = await startServer({ allowedHosts: ['batch.internal'] });
  expect((await ask(`${named.url}/batch/queue`, { host: 'batch.internal:80' })).status).toBe(200);
});

test("another site's page may change nothing and read nothing", async () => {
  const { url, service } = await startServer();
  for (const origin of ['http://evil.example', 'null', 'http://localhost:1']) {
    const answer = await ask(`${url}/batch/queue`, { origin });
    expect(answer.status).toBe(403);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  }
  expect(service.queued).toEqual([]);
  expect((await ask(`${url}/batch/queue`, { origin: url })).status).toBe(200);
  const seen = await ask(`${url}/batch/active`, { origin: 'http://evil.example' }, 'GET');
  expect(seen.headers['access-control-allow-origin']).toBeUndefined();
  const preflight = await ask(`${url}/batch/queue`, { origin: 'http://evil.example' }, 'OPTIONS');
  expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, undefined]);
});

test('an origin that was named may, without cookies', async () => {
  const origin = 'https://app.example.com';
  const { url } = await startServer({ allowedOrigins: [origin] });
  const preflight = await ask(
    `${url}/batch/queue`,
    { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    'OPTIONS',
  );
  expect(preflight.status).toBe(204);
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-headers': expect.stringContaining('authorization'),
    allow: 'POST, OPTIONS',
  });
  expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
  const answer = await ask(`${url}/batch/queue`, { origin });
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin]);
});

test('every answer says that it is data, and every page what may run in it', async () => {
  const { url } = await startServer();
  for (const path of ['/batch/active', '/batch/nothing', '/healthz', '/batch/jobs?x=1', '/%zz', '/metrics']) {
    const { headers } = await fetch(url + path);
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  }
  const { headers } = await fetch(`${url}/docs`);
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect((await fetch(`${url}/healthz`)).headers.get('server')).toBeNull();
  expect((await fetch(`${url}/healthz`)).headers.get('set-cookie')).toBeNull();
});
