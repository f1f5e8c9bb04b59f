import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';
import { z } from 'zod';

/**
 * `bare-queue.ts DATABASE`: the least that can acknowledge a queued job durably: fastify, one zod schema, one table,
 * requests of the same turn in one transaction. What the service does beyond that is what it costs.
 */
const [path = ''] = process.argv.slice(2);
const db = new DatabaseSync(path);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE jobs (id INTEGER PRIMARY KEY, type TEXT NOT NULL, provider TEXT NOT NULL, priority INTEGER NOT NULL,
    data TEXT NOT NULL) STRICT;
`);
const insert = db.prepare('INSERT INTO jobs (type, provider, priority, data) VALUES (?, ?, ?, ?)');
const schema = z.strictObject({
  job_type: z.string(),
  provider: z.string(),
  data: z.record(z.string(), z.unknown()),
  priority: z.int().min(1).max(10).default(5),
});
type Job = z.output<typeof schema>;
let waiting: { job: Job; resolve: (id: number) => void }[] = [];

function write(): void {
  const group = waiting;
  waiting = [];
  db.exec('BEGIN IMMEDIATE');
  const ids = group.map(({ job }) =>
    Number(insert.run(job.job_type, job.provider, job.priority, JSON.stringify(job.data)).lastInsertRowid),
  );
  db.exec('COMMIT');
  group.forEach(({ resolve }, index) => {
    resolve(ids[index] ?? 0);
  });
}

function queue(job: Job): Promise<number> {
  return new Promise((resolve) => {
    if (waiting.length === 0) setImmediate(write);
    waiting.push({ job, resolve });
  });
}

const app = fastify({ bodyLimit: 64 * 1024 * 1024 });
app.post('/batch/queue', async (request) => {
  const id = await queue(schema.parse(request.body));
  return { job_id: `job_${id}`, status: 'queued', message: 'queued' };
});
app.post('/batch/queue/bulk', async (request) => {
  const jobs = z.array(schema).parse(request.body);
  const ids = await Promise.all(jobs.map(queue));
  return { total: ids.length, job_ids: ids.map((id) => `job_${id}`) };
});
console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`);
process.once('SIGTERM', async () => {
  await app.close();
  db.close();
});
