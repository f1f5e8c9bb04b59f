import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { job, post, startServer } from './server-fixtures.ts';

test('requests under way are finished, new ones are refused, and it is over at once after that', async () => {
  const { url, server, service } = await startServer();
  const release = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const queue = service.queues.queue;
  service.queues.queue = async (inputs) => {
    entered.resolve();
    await release.promise;
    return queue(inputs);
  };
  const underWay = post(`${url}/batch/queue`, job);
  await entered.promise;
  const began = performance.now();
  const closing = server.close();
  expect(server.close()).toBe(closing);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  release.resolve();
  expect((await underWay).status).toBe(200);
  await closing;
  expect(performance.now() - began).toBeLessThan(2_000);
});

test('a connection that is kept open is told that it is over', async () => {
  const { url, server, service } = await startServer();
  const release = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  service.views.active = async () => {
    entered.resolve();
    await release.promise;
    return [];
  };
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  const ask = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  ask('/batch/active');
  await entered.promise;
  const closing = server.close();
  ask('/batch/runs');
  await new Promise((resolve) => setTimeout(resolve, 50));
  release.resolve();
  await Promise.all([ended, closing]);
  expect(text).toContain('HTTP/1.1 200 OK');
  expect(text).toContain('HTTP/1.1 503 Service Unavailable');
  expect(text).toContain('"code":"closing"');
});

test('what does not end is not waited for longer than allowed', async () => {
  const { url, server, service } = await startServer({ limits: { closeMs: 200 } });
  const entered = Promise.withResolvers<void>();
  service.views.active = () => {
    entered.resolve();
    return new Promise(() => {});
  };
  const hanging = fetch(`${url}/batch/active`).catch(() => 'cut');
  const idle = connect(Number(new URL(url).port), '127.0.0.1');
  idle.on('error', () => {});
  await entered.promise;
  const began = performance.now();
  await server.close();
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(await hanging).toBe('cut');
  idle.destroy();
});

test('one that never listened closes too', async () => {
  const { server } = await startServer();
  await server.close();
  await expect(server.close()).resolves.toBeUndefined();
});
