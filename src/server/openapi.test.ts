import { expect, test } from 'vitest';
import { read, startServer } from './server-fixtures.ts';

interface Operation {
  operationId: string;
  summary?: string;
  security?: unknown[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

/** Of the system that is replaced: same paths, same methods. */
const former = `POST /batch/queue
POST /batch/queue/bulk
GET /batch/queue/status
POST /batch/process
POST /batch/process/all
GET /batch/status/{batch_id}
GET /batch/results/{batch_id}
GET /batch/active
GET /batch/metrics
GET /batch/dashboard
GET /batch/savings
GET /batch/report
GET /batch/alerts
POST /batch/scheduler/start
POST /batch/scheduler/stop
GET /batch/health
POST /batch/integrate/creative-scoring
POST /batch/integrate/embeddings`.split('\n');

test('the eighteen of the former system are there, and every operation is described', async () => {
  const { url } = await startServer();
  const document = await read<Document>(fetch(`${url}/openapi.json`));
  expect(document.openapi).toBe('3.1.0');
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
  const names = operations.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(former));
  expect(names.length).toBeGreaterThan(45);
  expect(names.filter((name) => name.startsWith('HEAD') || name.includes('*'))).toEqual([]);
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(names.length);
  for (const { name, operation } of operations) {
    expect([name, operation.summary]).toEqual([name, expect.stringMatching(/^[A-Z]/)]);
    expect([name, Object.keys(operation.responses)]).toEqual([name, expect.arrayContaining(['200', 'default'])]);
    expect(operation.responses.default?.content).toHaveProperty(['application/problem+json']);
    const isOpen = name.endsWith('/healthz') || name.endsWith('/ready');
    expect([name, operation.security !== undefined]).toEqual([name, !isOpen]);
  }
});

test('every reference leads somewhere, and nothing is there that nobody refers to', async () => {
  const { url } = await startServer();
  const text = await (await fetch(`${url}/openapi.json`)).text();
  const document: Document = JSON.parse(text);
  const used = new Set([...text.matchAll(/#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]));
  expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort());
  expect(used.has('QueueRequestInput')).toBe(true);
  expect(used.has('Problem')).toBe(true);
});

test('bodies, headers and streams that the routes handle by themselves are described too', async () => {
  const { url } = await startServer();
  const { paths } = await read<Document>(fetch(`${url}/openapi.json`));
  const bulk = paths['/batch/queue/bulk']?.post;
  expect(bulk?.requestBody?.content['application/json']?.schema).toMatchObject({
    type: 'array',
    maxItems: 10_000,
    items: { $ref: '#/components/schemas/QueueRequestInput' },
  });
  expect(bulk?.parameters).toContainEqual(expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }));
  expect(paths['/batch/queue']?.post?.responses['200']?.content).toHaveProperty(['application/json']);
  expect(paths['/batch/events']?.get?.responses['200']?.content).toHaveProperty(['text/event-stream']);
  expect(paths['/batch/results']?.get?.responses['200']?.content).toHaveProperty(['application/x-ndjson']);
  expect(paths['/batch/jobs']?.get?.parameters?.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['run_id', 'state', 'search', 'before', 'limit']),
  );
});

test('the page lists every operation, runs nothing and asks for nothing elsewhere', async () => {
  const { url } = await startServer();
  const { paths } = await read<Document>(fetch(`${url}/openapi.json`));
  const page = await (await fetch(`${url}/docs`)).text();
  for (const path of Object.keys(paths)) expect(page).toContain(`<code>${path}</code>`);
  expect(page).not.toMatch(/<script|\sstyle=|\son[a-z]+=|undefined|\[object/i);
  expect([...page.matchAll(/(?:src|href)="([^"]+)"/g)].every(([, link]) => /^([/#]|data:,$)/.test(link ?? ''))).toBe(
    true,
  );
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]);
  for (const link of new Set(links)) expect(page).toContain(`id="${link}"`);
  const style = await fetch(`${url}/docs/docs.css`);
  expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
});
