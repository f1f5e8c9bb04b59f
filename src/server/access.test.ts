import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { createFakeClock } from '../testing/fake-clock.ts';
import type { RouteRole } from './auth.ts';
import { createServer } from './server.ts';
import { bearer, createFakeTokens, job, json, post, startServer } from './server-fixtures.ts';
import { createFakeService } from './service-fixtures.ts';

interface Route {
  method: string;
  path: string;
  role: RouteRole | undefined;
}

/** What the router really has: a new route is in it unasked. */
async function everyRoute(): Promise<Route[]> {
  const server = createServer({ version: '1', service: createFakeService(), tokens: createFakeTokens() });
  const routes: Route[] = [];
  server.app.addHook('onRoute', ({ method, url, config }) => {
    const path = url.replace(/:\w+/g, '1').replace('*', 'x');
    for (const each of [method].flat()) routes.push({ method: each, path, role: config?.role });
  });
  await server.app.ready();
  await server.close();
  return routes;
}

const open = ['/healthz', '/ready', '/openapi.json', '/docs', '/docs/docs.css', '/'];

test('every route but a few that are named asks for a token, whatever is wrong with the header', async () => {
  const { url, tokens } = await startServer({ tokens: tokensWith('admin') });
  const revoked = tokens.add('admin');
  tokens.revoke(revoked);
  const good = tokens.add('admin');
  const headers: [string, string[]][] = [
    ['none', []],
    ['empty', ['authorization', '']],
    ['no scheme', ['authorization', good]],
    ['another scheme', ['authorization', `Basic ${Buffer.from(good).toString('base64')}`]],
    ['wrong', ['authorization', `Bearer op_${'x'.repeat(43)}`]],
    ['cut', ['authorization', `Bearer ${good.slice(0, -1)}`]],
    ['revoked', ['authorization', `Bearer ${revoked}`]],
    ['twice', ['authorization', `Bearer ${good}`, 'authorization', `Bearer ${good}`]],
    ['a cookie', ['cookie', `token=${good}`]],
  ];
  const routes = await everyRoute();
  expect(routes.length).toBeGreaterThan(60);
  for (const route of routes.filter(({ path }) => !open.includes(path))) {
    for (const [what, pairs] of headers) {
      const answer = await ask(url, route, pairs);
      expect([route.method, route.path, what, answer.status]).toEqual([route.method, route.path, what, 401]);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="offpeak"/);
    }
  }
});

test('the open routes are those that are named, and nothing else', async () => {
  const routes = await everyRoute();
  expect([...new Set(routes.filter(({ role }) => role === 'open').map(({ path }) => path))].sort()).toEqual(
    open.sort(),
  );
});

test('a token does what its role allows: read, queue, admin', async () => {
  const tokens = createFakeTokens();
  const secrets = { read: tokens.add('read'), queue: tokens.add('queue'), admin: tokens.add('admin') };
  const { url } = await startServer({ tokens });
  const order = ['read', 'queue', 'admin'] as const;
  for (const route of (await everyRoute()).filter(({ path }) => !path.includes('events'))) {
    if (route.role === 'open' || route.role === undefined) continue;
    for (const role of order) {
      const { status } = await ask(url, route, ['authorization', `Bearer ${secrets[role]}`]);
      const isForbidden = order.indexOf(role) < order.indexOf(route.role);
      expect([route.method, route.path, role, status === 403]).toEqual([route.method, route.path, role, isForbidden]);
      expect(status).not.toBe(401);
    }
  }
});

test('what changes something needs more than reading, and settings need an admin', async () => {
  const routes = await everyRoute();
  const writes = routes.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
  expect(writes.filter(({ role }) => role !== 'queue' && role !== 'admin')).toEqual([]);
  const admin = routes.filter(({ role }) => role === 'admin').map(({ path }) => path);
  expect(admin).toContain('/batch/settings');
  expect(admin).toContain('/batch/scheduler/start');
  expect(admin).toContain('/batch/settings/signing-secret');
});

test('a route that declares no role cannot be built', async () => {
  const server = createServer({ version: '1', service: createFakeService(), tokens: createFakeTokens() });
  expect(() => server.app.get('/forgotten', async () => 'x')).toThrow(/declares no role/);
  await server.close();
});

test('a revoked token dies within seconds, and the store is not asked for every request', async () => {
  const clock = createFakeClock();
  const tokens = createFakeTokens();
  const secret = tokens.add('queue');
  const { url } = await startServer({ tokens, clock });
  const ok = async () => (await fetch(`${url}/batch/active`, { headers: bearer(secret) })).status;
  for (let i = 0; i < 10; i++) expect(await ok()).toBe(200);
  expect(tokens.lookups).toBe(1);
  tokens.revoke(secret);
  await clock.advance(5_000);
  expect(await ok()).toBe(401);
});

test('without any token this machine may do everything, until somebody makes one', async () => {
  const clock = createFakeClock();
  const { url, tokens } = await startServer({ clock });
  expect((await post(`${url}/batch/queue`, job)).status).toBe(200);
  const secret = tokens.add('read');
  await clock.advance(5_000);
  expect((await post(`${url}/batch/queue`, job)).status).toBe(401);
  // Revoking the last one does not open the door again.
  tokens.revoke(secret);
  await clock.advance(60_000);
  expect((await post(`${url}/batch/queue`, job)).status).toBe(401);
});

test('it does not listen beyond this machine without a token', async () => {
  const refused = startServer({ host: '0.0.0.0' });
  await expect(refused).rejects.toThrow(/offpeak token create/);
  await expect(refused).rejects.toMatchObject({ code: 'config' });
  const tokens = createFakeTokens();
  tokens.revoke(tokens.add('admin'));
  await expect(startServer({ host: '0.0.0.0', tokens })).rejects.toThrow(/offpeak token create/);
  const { url } = await startServer({ host: '0.0.0.0', tokens: tokensWith('read') });
  expect((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/batch/active`)).status).toBe(401);
});

test('a port that is taken is told as that', async () => {
  const { url } = await startServer();
  await expect(startServer({ port: Number(new URL(url).port) })).rejects.toThrow(/something listens there already/);
});

test('one token that asks too much is slowed down, others are not', async () => {
  const tokens = createFakeTokens();
  const [greedy, other] = [tokens.add('read'), tokens.add('read')];
  const { url } = await startServer({ tokens, clock: createFakeClock(), limits: { requestsPerSecond: 5 } });
  const ask = (secret: string) => fetch(`${url}/batch/active`, { headers: bearer(secret) });
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(greedy)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(20);
  expect(refused[0]?.headers.get('retry-after')).toBe('1');
  expect(refused[0]?.headers.get('content-type')).toContain('application/problem+json');
  expect((await ask(other)).status).toBe(200);
});

test('an address that tries many unknown tokens is not looked up for ever, and locks nobody out', async () => {
  const clock = createFakeClock();
  const tokens = createFakeTokens();
  const good = tokens.add('read');
  const { url } = await startServer({ tokens, clock });
  const ask = async (secret: string) => (await fetch(`${url}/batch/active`, { headers: bearer(secret) })).status;
  expect(await ask(good)).toBe(200);
  const statuses: number[] = [];
  for (let i = 0; i < 50; i++) statuses.push(await ask(`op_${String(i).padStart(43, 'x')}`));
  expect(statuses.filter((status) => status === 401)).toHaveLength(20);
  expect(statuses.filter((status) => status === 429)).toHaveLength(30);
  expect(tokens.lookups).toBe(21);
  await clock.advance(10);
  expect(await ask(good)).toBe(200);
});

function tokensWith(role: 'read' | 'queue' | 'admin') {
  const tokens = createFakeTokens();
  tokens.add(role);
  return tokens;
}

/** Node's own client: the only one that sends a header twice. */
function ask(
  url: string,
  { method, path }: Route,
  pairs: string[],
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const host = new URL(url).host;
    const body = method === 'POST' || method === 'PUT' ? '{}' : '';
    const length = body === '' ? [] : ['content-length', String(body.length)];
    const type = ['content-type', json['content-type']];
    const request = httpRequest(
      `${url}${path}`,
      { method, agent: false, headers: ['host', host, ...type, ...length, ...pairs] },
      (response) => {
        response.resume();
        response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
