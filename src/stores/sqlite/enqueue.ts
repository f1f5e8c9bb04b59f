import { OffpeakError } from '../../errors.ts';
import { newRunId, type Random } from '../../ids.ts';
import type { Enqueued, QueuedJob } from '../../service-store.ts';
import type { NewRun } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { HeldDelta } from './held-jobs.ts';
import { beginInsertion, type Insertion, insertJob, prepare } from './job-insertion.ts';
import { number, type Row, text } from './rows.ts';
import { firstJobId, insertRun, RunDelta, runOfJob } from './runs.ts';

/** Jobs of any queues into the open runs of these, in one transaction; see the port. */
export function enqueue(db: Database, jobs: readonly QueuedJob[], now: number, random: Random): Enqueued[] {
  return db.write(() => {
    const fillings: Fillings = { db, now, random, byQueue: new Map() };
    const enqueued = jobs.map((job) => enqueueJob(fillings, job));
    for (const filling of fillings.byQueue.values()) writeSums(db, filling, now);
    return enqueued;
  });
}

interface Fillings {
  db: Database;
  now: number;
  random: Random;
  byQueue: Map<string, Filling>;
}

/** One queue's open run, and what comes into it. */
interface Filling {
  runId: string;
  model: string;
  insertion: Insertion;
  held: HeldDelta;
  queued: number;
}

function enqueueJob(fillings: Fillings, job: QueuedJob): Enqueued {
  const known = job.idempotency && findKnown(fillings.db, job.idempotency);
  if (known) return known;
  const filling = fillingOf(fillings, job);
  const id = insertQueued(fillings, filling, job);
  return { type: 'queued', job: id, runId: filling.runId };
}

function findKnown(db: Database, { key, hash }: { key: string; hash: string }): Enqueued | undefined {
  if (!key.isWellFormed()) throw new OffpeakError('The idempotency key is not valid Unicode.', { code: 'usage' });
  const known = db.sql('SELECT hash, job FROM idempotency_keys WHERE key = ?').get(key);
  if (!known) return undefined;
  if (text(known, 'hash') !== hash) return { type: 'conflict' };
  const job = number(known, 'job');
  const run = db.sql('SELECT id FROM runs WHERE seq = ?').get(runOfJob(job)) ?? {};
  return { type: 'same', job, runId: text(run, 'id') };
}

function insertQueued({ db, now }: Fillings, filling: Filling, job: QueuedJob): number {
  const { insertion } = filling;
  const prepared = prepare(insertion, job);
  const next = insertion.nextId;
  const id = insertJob(
    insertion,
    {
      // The id by which its caller knows it: exports of the run name it so too.
      key: `${job.queue}_${next.toString(36)}`,
      position: next - firstJobId(insertion.run),
      priority: job.priority,
      request: job.request,
    },
    prepared,
  );
  if (id === undefined) {
    throw new OffpeakError(`The new job ${next} of queue ${job.queue} was not stored.`, { code: 'internal' });
  }
  db.sql('INSERT INTO queued_jobs (job, created_at, data, callback_url) VALUES (?, ?, ?, ?)').run(
    id,
    now,
    job.data,
    job.callbackUrl ?? null,
  );
  if (job.idempotency) {
    const { key, hash } = job.idempotency;
    db.sql('INSERT INTO idempotency_keys (key, hash, job, created_at) VALUES (?, ?, ?, ?)').run(key, hash, id, now);
  }
  filling.queued += 1;
  filling.held.add(job.priority, prepared.bytes, 1);
  return id;
}

function fillingOf(fillings: Fillings, job: QueuedJob): Filling {
  const name = `${job.queue}\n${job.provider}\n${job.simulated}`;
  let filling = fillings.byQueue.get(name);
  if (!filling) {
    filling = beginFilling(fillings, job);
    fillings.byQueue.set(name, filling);
  }
  if (job.model !== filling.model && filling.model !== severalModels) {
    fillings.db.sql('UPDATE runs SET model = ? WHERE seq = ?').run(severalModels, filling.insertion.run);
    filling.model = severalModels;
  }
  return filling;
}

/** The model of a run whose jobs have different ones. */
const severalModels = '*';

function beginFilling({ db, now, random }: Fillings, job: QueuedJob): Filling {
  const open = db
    .sql("SELECT * FROM runs WHERE queue = ? AND provider = ? AND simulated = ? AND state = 'open'")
    .get(job.queue, job.provider, job.simulated ? 1 : 0);
  const run = open ?? insertRun(db, newFilling(job, unusedRunId(db, now, random)), now);
  return {
    runId: text(run, 'id'),
    model: text(run, 'model'),
    insertion: insertionInto(db, run),
    held: new HeldDelta(),
    queued: 0,
  };
}

function insertionInto(db: Database, run: Row): Insertion {
  const seq = number(run, 'seq');
  const priority = number(run, 'priority');
  return beginInsertion(db, { seq, priority, maxAttempts: number(run, 'max_attempts'), held: true });
}

const defaults = { priority: 5, maxAttempts: 3, concurrency: 5, timeoutMs: 30_000 };

function newFilling(job: QueuedJob, id: string): NewRun & { queue: string } {
  return {
    ...defaults,
    id,
    queue: job.queue,
    // Each filling of a queue is a run of its own.
    fingerprint: `queue ${id}`,
    mode: 'auto',
    provider: job.provider,
    model: job.model,
    maxAttempts: job.maxAttempts ?? defaults.maxAttempts,
    simulated: job.simulated,
    fresh: false,
    primeCache: false,
    recipe: { type: 'requests', version: 1 },
    source: { type: 'queue' },
  };
}

/** Of the million ids that a second has, one that nobody has drawn before. */
function unusedRunId(db: Database, now: number, random: Random): string {
  for (let draw = 0; draw < 20; draw++) {
    const id = newRunId(now, random);
    if (!db.sql('SELECT 1 FROM runs WHERE id = ?').get(id)) return id;
  }
  throw new OffpeakError('No unused id was found for a new run.', { code: 'internal', retryable: true });
}

function writeSums(db: Database, { insertion, queued, held }: Filling, now: number): void {
  if (queued === 0) return;
  const delta = new RunDelta();
  delta.counts.queued += queued;
  delta.write(db, insertion.run);
  held.write(db, insertion.run);
  addEvent(db, { at: now, run: insertion.run, type: 'jobs_queued', detail: String(queued) });
}
