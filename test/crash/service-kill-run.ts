import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants, type Verdict } from '../support/check-invariants.ts';
import { type RunningCommand, startCommand, wordsOf } from '../support/command.ts';
import { ledgerOfHome } from '../support/sandbox-process.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { markerOf, temporaryFolder, type Undo } from '../support/temporary.ts';

export interface ServiceKillOptions {
  seed: number;
  jobs: number;
  clients: number;
  kills: number;
}

export interface ServiceKillReport {
  verdict: Verdict;
  kills: number;
  /** Requests that had no answer, and were sent again with the same idempotency key. */
  repeated: number;
  runs: number;
  batches: number;
  seconds: number;
  violations: string[];
}

const queues = [
  { job_type: 'creative_scoring', provider: 'openai' },
  { job_type: 'hook_generation', provider: 'anthropic' },
  { job_type: 'bulk_prediction', provider: 'gemini' },
  { job_type: 'historical_reprocessing', provider: 'openai' },
  { job_type: 'video_analysis', provider: 'anthropic' },
] as const;

/**
 * Clients queue jobs of mixed type, provider and priority over HTTP while the server is killed with -9 and started again,
 * and queues are sent by hand in between, with a worker of its own on the same store. Every job that was acknowledged must end exactly once, and cost what the
 * provider charged.
 */
export async function killService(undo: Undo, options: ServiceKillOptions): Promise<ServiceKillReport> {
  const startedAt = performance.now();
  const home = temporaryFolder(undo, 'offpeak-service-');
  const server = createKilledServer(undo, home, await freePort(), seededRandom(options.seed));
  await server.start();
  // Another process works on the same store all the while, and is not killed.
  const beside = startCommand(['work', '--sandbox'], { home, timeoutMs: 900_000 }, undo);
  const clients = createClients(server.url, options);
  const killing = killWhile(server, clients.isDone, options);
  await clients.done;
  const kills = await killing;
  await waitForEnd(server.url);
  await server.stop();
  beside.kill('SIGTERM');
  const besides = await beside.ended;
  if (besides.exitCode !== 0) throw new Error(`The worker beside it: ${wordsOf(besides)}`);
  const facts = factsOf(home);
  const attempted = new Map<string, string[]>();
  for (const { jobId, runId } of clients.acknowledged.values()) {
    attempted.set(runId, [...(attempted.get(runId) ?? []), jobId]);
  }
  const ledger = await ledgerOfHome(home);
  const verdict = await checkInvariants({ home, ledger, attempted, ownAnswers: false });
  return {
    verdict,
    kills,
    repeated: clients.repeated(),
    runs: facts.runs,
    batches: facts.batches,
    seconds: (performance.now() - startedAt) / 1000,
    violations: [...verdict.violations, ...facts.violations, ...foreignJobs(facts, clients)],
  };
}

/** A job that no client has an acknowledgement for, or two for one request. */
function foreignJobs(facts: Facts, clients: Clients): string[] {
  const ids = new Set([...clients.acknowledged.values()].map(({ jobId }) => jobId));
  const words: string[] = [];
  if (ids.size !== clients.acknowledged.size) words.push('two requests were given the same job');
  if (facts.jobs !== ids.size) words.push(`${facts.jobs} jobs in the store, ${ids.size} were acknowledged`);
  return words;
}

interface Clients {
  done: Promise<unknown>;
  isDone(): boolean;
  repeated(): number;
  /** By the number of the job. */
  acknowledged: Map<number, { jobId: string; runId: string }>;
}

function createClients(url: string, { jobs, clients, seed }: ServiceKillOptions): Clients {
  const random = seededRandom(seed + 1);
  const acknowledged: Clients['acknowledged'] = new Map();
  let next = 0;
  let repeated = 0;
  let isDone = false;
  const client = async () => {
    while (next < jobs) {
      const number = next++;
      const queue = queues[Math.floor(random() * queues.length)] ?? queues[0];
      const body = JSON.stringify({
        ...queue,
        priority: 1 + Math.floor(random() * 10),
        data: { messages: [{ role: 'user', content: `Say ${markerOf(`job-${number}`)} and nothing else.` }] },
      });
      for (;;) {
        const answer = await post(`${url}/batch/queue`, body, { 'idempotency-key': `job-${number}` });
        if (answer) {
          acknowledged.set(number, { jobId: String(answer.job_id), runId: '' });
          break;
        }
        repeated += 1;
        await sleep(20 + random() * 50);
      }
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client)).then(async () => {
    for (const [number, { jobId }] of acknowledged) {
      const job = await until(() => get(`${url}/batch/jobs/${jobId}`));
      acknowledged.set(number, { jobId, runId: String(job.run_id) });
    }
    isDone = true;
  });
  return { done, isDone: () => isDone, repeated: () => repeated, acknowledged };
}

/** Kills at random moments, spread over the time that the clients need, and sends a queue now and then. */
async function killWhile(server: KilledServer, isDone: () => boolean, options: ServiceKillOptions): Promise<number> {
  const random = seededRandom(options.seed + 2);
  let kills = 0;
  while (kills < options.kills) {
    await sleep(100 + random() * 700);
    const queue = queues[Math.floor(random() * queues.length)] ?? queues[0];
    if (random() < 0.5) void post(`${server.url}/batch/process`, JSON.stringify({ ...queue, max_jobs: 50 }));
    else if (random() < 0.3) void post(`${server.url}/batch/process/all`, '');
    await sleep(random() * 300);
    await server.kill();
    kills += 1;
    await server.start();
    // With the clients done, what is killed is the work on their jobs.
    if (isDone()) await post(`${server.url}/batch/process/all`, '');
  }
  return kills;
}

async function waitForEnd(url: string): Promise<void> {
  for (;;) {
    await until(() => post(`${url}/batch/process/all`, ''));
    const { runs } = await until(() => get(`${url}/batch/runs?limit=200`));
    if (Array.isArray(runs) && runs.every((run) => run.state === 'ended')) return;
    await sleep(200);
  }
}

interface KilledServer {
  url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

function createKilledServer(undo: Undo, home: string, port: number, random: () => number): KilledServer {
  let command: RunningCommand | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      command = startCommand(['serve', '--sandbox', '--port', String(port)], { home, timeoutMs: 900_000 }, undo);
      // Some are killed before they are ready.
      if (random() < 0.9) await command.output(/listening on/);
    },
    kill: async () => {
      command?.kill('SIGKILL');
      await command?.ended;
    },
    stop: async () => {
      command?.kill('SIGTERM');
      const result = await command?.ended;
      if (result?.exitCode !== 0) throw new Error(`After SIGTERM: ${result ? wordsOf(result) : 'not started'}`);
      if (result.durationMs > 10_000 && result.timedOut) throw new Error('It did not stop within 10 s.');
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

type Answer = Record<string, unknown>;

/** Undefined: no answer, or one that is to be asked for again. A refusal is a fault of the test. */
async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Answer | undefined> {
  const init: RequestInit = { method: 'POST', headers };
  if (body !== '') {
    init.body = body;
    init.headers = { ...headers, 'content-type': 'application/json' };
  }
  return ask(url, init);
}

function get(url: string): Promise<Answer | undefined> {
  return ask(url, {});
}

async function ask(url: string, init: RequestInit): Promise<Answer | undefined> {
  let text: string;
  let status: number;
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) });
    status = answer.status;
    text = await answer.text();
  } catch {
    return undefined;
  }
  if (status >= 500) return undefined;
  if (status >= 400) throw new Error(`${url} answers ${status}: ${text}`);
  return JSON.parse(text) as Answer;
}

async function until(look: () => Promise<Answer | undefined>): Promise<Answer> {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await sleep(50);
  }
}

interface Facts {
  jobs: number;
  runs: number;
  batches: number;
  violations: string[];
}

/** Read past the store. Of a run that was sent as a whole, each batch of a lane holds what comes before the next one's. */
function factsOf(home: string): Facts {
  const database = new DatabaseSync(`${home}/offpeak.db`, { readOnly: true });
  try {
    const count = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0);
    const wrong = database
      .prepare(
        `SELECT a.batch AS earlier, b.batch AS later FROM
           (SELECT a.batch, j.lane, min(j.priority) AS priority FROM attempts a JOIN jobs j ON j.id = a.job
            WHERE a.number = 1 GROUP BY a.batch) a
         JOIN (SELECT a.batch, j.lane, max(j.priority) AS priority FROM attempts a JOIN jobs j ON j.id = a.job
            WHERE a.number = 1 GROUP BY a.batch) b
           ON a.lane = b.lane AND a.batch < b.batch
         JOIN lanes l ON l.id = a.lane AND l.held = 1
         WHERE a.priority < b.priority`,
      )
      .all();
    return {
      jobs: count('SELECT count(*) FROM jobs'),
      runs: count('SELECT count(*) FROM runs'),
      batches: count("SELECT count(*) FROM batches WHERE state = 'collected'"),
      violations: wrong.map(
        ({ earlier, later }) => `batch ${later} holds jobs of higher priority than batch ${earlier}`,
      ),
    };
  } finally {
    database.close();
  }
}
