import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { text as textIn } from 'node:stream/consumers';
import { alternate, type Bench, here, medianOf, ratioOf, spreadOf } from './harness.ts';
import { type Listening, startListening } from './listening.ts';
import { textOf } from './material.ts';
import type { Product } from './product.ts';
import { megabytes, milliseconds, percent, perSecond, type Table, verdict } from './report.ts';
import { type Load, wrk } from './wrk.ts';

const connections = 64;
const bodyBytes = 1024;
const bulkSize = 10_000;

type Contender = 'bare fastify and SQLite' | 'offpeak serve' | 'offpeak serve, sending meanwhile';

/** Jobs over HTTP, each acknowledged once it is durable; beside the least that could do so. */
export async function service(bench: Bench, product: Product): Promise<Table[]> {
  const seconds = Math.max(2, Math.round(10 * bench.scale));
  const bulks = Math.max(2, Math.round(20 * bench.scale));
  const contender = (name: Contender) => (run: number) => measure(bench, product, name, seconds, bulks, run);
  const names: Contender[] = ['bare fastify and SQLite', 'offpeak serve', 'offpeak serve, sending meanwhile'];
  const all = await alternate(bench.runs, Object.fromEntries(names.map((name) => [name, contender(name)])));
  const of = (name: Contender, pick: (measured: Measured) => number) => (all[name] ?? []).map(pick);
  const ratio = ratioOf(
    of('offpeak serve', ({ single }) => single.perSecond),
    of('bare fastify and SQLite', ({ single }) => single.perSecond),
  );
  const p99 = medianOf(of('offpeak serve', ({ single }) => single.p99Ms));
  const bulk = medianOf(of('offpeak serve', ({ bulkPerSecond }) => bulkPerSecond));
  const row = (name: Contender) => [
    name,
    perSecond(spreadOf(of(name, ({ single }) => single.perSecond))),
    milliseconds(spreadOf(of(name, ({ single }) => single.p99Ms))),
    `${medianOf(of(name, ({ cpuUs }) => cpuUs)).toFixed(1)} us`,
    String(of(name, ({ single }) => single.failed).reduce((sum, failed) => sum + failed, 0)),
    perSecond(spreadOf(of(name, ({ bulkPerSecond }) => bulkPerSecond))),
    megabytes(spreadOf(of(name, ({ peakBytes }) => peakBytes))),
  ];
  return [
    {
      title: `service: POST /batch/queue of 1 KB, ${connections} connections, ${seconds} s; bulk of ${bulkSize.toLocaleString('en-US')}, ${bulks} times`,
      columns: ['contender', 'one by one', 'p99', 'CPU a job', 'failed', 'bulk, jobs', 'peak memory'],
      rows: names.map(row),
      notes: [
        verdict('at least 60 % of the bare server', ratio.median >= 0.6, percent(ratio)),
        verdict('p99 under 50 ms', p99 < 50, `${p99.toFixed(1)} ms`),
        verdict(
          'bulk of at least 50,000 jobs a second',
          bulk >= 50_000,
          `${Math.round(bulk).toLocaleString('en-US')}/s`,
        ),
        'wrk and the server share the cores. The queues wait for the night; in the last row, every 50,000 jobs are packed, sent to a sandbox in the same process, and booked.',
      ],
    },
  ];
}

interface Measured {
  single: Load;
  cpuUs: number;
  bulkPerSecond: number;
  peakBytes: number;
}

async function measure(
  { work }: Bench,
  product: Product,
  name: Contender,
  seconds: number,
  bulks: number,
  run: number,
): Promise<Measured> {
  const home = mkdtempSync(join(work, `service-${run}-`));
  const isBare = name === 'bare fastify and SQLite';
  const args = isBare
    ? [here('children/bare-queue.ts'), join(home, 'bare.db')]
    : [product.path, 'serve', '--sandbox', '--port', '0', '--home', home];
  const server = await startListening(args);
  try {
    if (name === 'offpeak serve') await waitForNight(server);
    const text = textOf(1, bodyBytes - 150).replaceAll(/["\\\n]/g, ' ');
    const bodyLua = `'{"job_type":"creative_scoring","provider":"openai","priority":' .. (n % 10 + 1) .. ',"data":{"creative_id":"c' .. n .. '","messages":[{"role":"user","content":"' .. n .. ' ${text}"}]}}'`;
    const before = server.cpuMs();
    const single = await wrk(work, `${server.url}/batch/queue`, { connections, seconds, bodyLua });
    const cpuUs = ((server.cpuMs() - before) * 1000) / (single.perSecond * seconds);
    const bulkPerSecond = await postBulks(server, bulks, text);
    return { single, cpuUs, bulkPerSecond, peakBytes: server.peakBytes() };
  } finally {
    await server.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** The queues are not sent when they fill a batch. */
async function waitForNight({ url }: Listening): Promise<void> {
  const answer = await fetch(`${url}/batch/settings`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ triggers: { schedule: true, full: false, count: null, age_minutes: null } }),
  });
  if (!answer.ok) throw new Error(`settings: ${answer.status} ${await answer.text()}`);
}

/** Two at a time: the next is read while one is written. */
async function postBulks(server: Listening, bulks: number, text: string): Promise<number> {
  const bodies = Array.from({ length: Math.min(bulks, 4) }, (_, bulk) => {
    const jobs = Array.from({ length: bulkSize }, (__, job) => ({
      job_type: 'hook_generation',
      provider: 'openai',
      priority: (job % 10) + 1,
      data: { creative_id: `b${bulk}-${job}`, messages: [{ role: 'user', content: `${bulk} ${job} ${text}` }] },
    }));
    // As bytes: the client shares the cores, and would encode a text anew each time.
    return Buffer.from(JSON.stringify(jobs));
  });
  const agent = new Agent({ keepAlive: true });
  let next = 0;
  const startedAt = performance.now();
  const post = async () => {
    while (next < bulks) {
      const body = bodies[next % bodies.length] ?? Buffer.of();
      next += 1;
      const { status, said } = await postBytes(`${server.url}/batch/queue/bulk`, body, agent);
      if (status !== 200 || !isComplete(JSON.parse(said))) throw new Error(`bulk: ${status} ${said.slice(0, 300)}`);
    }
  };
  await Promise.all([post(), post()]);
  agent.destroy();
  return (bulks * bulkSize * 1000) / (performance.now() - startedAt);
}

/** `fetch` would copy the body first. */
function postBytes(url: string, body: Buffer, agent: Agent): Promise<{ status: number | undefined; said: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    request(url, { method: 'POST', agent, headers }, (answer) => {
      textIn(answer).then((said) => resolve({ status: answer.statusCode, said }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

function isComplete(said: unknown): boolean {
  return (
    typeof said === 'object' &&
    said !== null &&
    'total' in said &&
    said.total === bulkSize &&
    !('failed' in said && said.failed !== 0)
  );
}
