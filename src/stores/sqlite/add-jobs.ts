import { hash } from 'node:crypto';
import { OffpeakError } from '../../errors.ts';
import type { RequestSize } from '../../request.ts';
import type { AddedJobs, AddOptions, LaneKey, NewJob } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import { firstJobId, lastJobId, RunDelta, runSeq } from './runs.ts';
import { endFlight, findAnswer, takeAnswer } from './sharing.ts';

/** Adds a chunk of jobs in one transaction; see the port for what happens to keys that are known. */
export function addJobs(db: Database, runId: string, jobs: readonly NewJob[], options: AddOptions): AddedJobs {
  return db.write(() => {
    const run = runSeq(db, runId);
    const row = db.sql('SELECT state, priority, max_attempts FROM runs WHERE seq = ?').get(run) ?? {};
    const adding: Adding = {
      db,
      run,
      priority: number(row, 'priority'),
      maxAttempts: number(row, 'max_attempts'),
      options,
      delta: new RunDelta(),
      added: { added: 0, skipped: 0, reused: 0, reopened: 0, known: 0, changed: [], closed: row.state !== 'open' },
      lanes: new Map(),
      // Most first runs: nothing to reuse, so nothing is looked up.
      hasResults: db.sql('SELECT 1 FROM runs WHERE succeeded > 0 LIMIT 1').get() !== undefined,
      nextId: nextJobId(db, run),
    };
    if (adding.added.closed) return adding.added;
    for (const job of jobs) addJob(adding, job);
    adding.delta.write(db, run);
    return adding.added;
  });
}

interface Adding {
  db: Database;
  run: number;
  priority: number;
  maxAttempts: number;
  options: AddOptions;
  delta: RunDelta;
  added: AddedJobs;
  lanes: Map<string, number>;
  hasResults: boolean;
  nextId: number;
}

interface Prepared {
  lane: number | null;
  bytes: number;
  hash: number | null;
  size: RequestSize;
}

const noSize: RequestSize = { inputTokens: 0, maxInputTokens: 0 };

/** Ids of a run's jobs follow each other in input order. */
function nextJobId(db: Database, run: number): number {
  const row = db.sql('SELECT max(id) AS id FROM jobs WHERE id BETWEEN ? AND ?').get(firstJobId(run), lastJobId(run));
  return ((row && optionalNumber(row, 'id')) ?? firstJobId(run)) + 1;
}

function addJob(adding: Adding, job: NewJob): void {
  if (!job.key.isWellFormed()) {
    throw new OffpeakError(`The key ${JSON.stringify(job.key)} is not valid Unicode.`, { code: 'usage' });
  }
  const { db, run, added } = adding;
  const prepared = prepare(adding, job);
  const state = job.request ? 'queued' : 'skipped';
  const inserted = insert(adding, job.key, job.position, state, prepared);
  if (inserted !== undefined) {
    storeContent(db, inserted, job);
    adding.delta.counts[state] += 1;
    added[state === 'queued' ? 'added' : 'skipped'] += 1;
    if (adding.options.reuse) reuse(adding, inserted, job, prepared);
    return;
  }
  const known = db
    .sql('SELECT id, state, position, hash, attempts FROM jobs WHERE run = ? AND key = ?')
    .get(run, job.key);
  if (!known) return;
  meetKnown(adding, known, job, prepared);
}

function insert(adding: Adding, key: string, position: number, state: string, prepared: Prepared): number | undefined {
  const id = adding.nextId;
  const { changes } = adding.db
    .sql(
      `INSERT INTO jobs (id, run, lane, key, position, state, priority, last_attempt, bytes, hash, tokens, max_input,
         max_output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, key) DO NOTHING`,
    )
    .run(
      id,
      adding.run,
      prepared.lane,
      key,
      position,
      state,
      adding.priority,
      adding.maxAttempts,
      prepared.bytes,
      prepared.hash,
      prepared.size.inputTokens,
      prepared.size.maxInputTokens,
      prepared.size.maxOutputTokens ?? null,
    );
  if (changes !== 1) return undefined;
  adding.nextId += 1;
  return id;
}

function storeContent(db: Database, id: number, job: NewJob): void {
  if (job.request) db.sql('INSERT INTO payloads (job, body) VALUES (?, ?)').run(id, job.request.body);
  else if (job.skip) {
    db.sql('INSERT INTO results (job, error_code, error_message) VALUES (?, ?, ?)').run(
      id,
      job.skip.code,
      job.skip.message,
    );
  }
}

function prepare(adding: Adding, job: NewJob): Prepared {
  if (!job.request) return { lane: null, bytes: 0, hash: null, size: noSize };
  const { lane, body, size } = job.request;
  return { lane: laneId(adding, lane), bytes: Buffer.byteLength(body), hash: requestHash(body), size };
}

/**
 * 52 bits of the body's SHA-256: an integer that SQLite and JavaScript both hold exactly. It only finds candidates; the
 * bodies themselves, and who answers them, are compared before anything is reused.
 */
function requestHash(body: string): number {
  const digest = hash('sha256', body, 'buffer');
  return digest.readUIntBE(0, 6) * 16 + ((digest[6] ?? 0) >> 4);
}

function laneId(adding: Adding, lane: LaneKey): number {
  const name = `${lane.account}\n${lane.model}\n${lane.endpoint}`;
  const kept = adding.lanes.get(name);
  if (kept !== undefined) return kept;
  const row = adding.db
    .sql(
      `INSERT INTO lanes (run, provider, account, model, endpoint, mode) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (run, account, model, endpoint) DO UPDATE SET provider = excluded.provider RETURNING id`,
    )
    .get(adding.run, lane.provider, lane.account, lane.model, lane.endpoint, lane.mode);
  const id = row ? number(row, 'id') : 0;
  adding.lanes.set(name, id);
  return id;
}

/** Takes the result of an earlier job whose request is the same to the byte. */
function reuse(adding: Adding, id: number, job: NewJob, prepared: Prepared): void {
  const { db, delta, added } = adding;
  if (!job.request || !adding.hasResults) return;
  const { account, endpoint } = job.request.lane;
  const found = findAnswer(db, { job: id, hash: prepared.hash, account, endpoint });
  if (found === undefined) return;
  takeAnswer(db, { id, hash: prepared.hash }, found, delta);
  added.reused += 1;
  added.added -= 1;
}

/** An item that the run has already: skipped and failed ones may get another chance, the others are left alone. */
function meetKnown(adding: Adding, known: Row, job: NewJob, prepared: Prepared): void {
  const { db, added, delta, options } = adding;
  const state = text(known, 'state');
  const id = number(known, 'id');
  const sameRequest = optionalNumber(known, 'hash') === (prepared.hash ?? undefined);
  const mayReopen = options.reopen && (state === 'skipped' || state === 'failed');
  // Sent already, and not yet answered (a late batch's jobs are queued too): its answer would be one to another request.
  const isSent = () => db.sql('SELECT 1 FROM attempts WHERE job = ? AND outcome IS NULL').get(id) !== undefined;
  if (!job.request || (!mayReopen && (state !== 'queued' || sameRequest || isSent()))) {
    added.known += 1;
    if (job.request && !sameRequest) added.changed.push(job.key);
    return;
  }
  // `queued` with another request: the file changed before it was sent; the newest content is the one to send. Those
  // that wait for the answer to the former one go their own way.
  if (!sameRequest) endFlight(db, id, optionalNumber(known, 'hash'));
  db.sql(
    `UPDATE jobs SET state = 'queued', leader = NULL, lane = ?, bytes = ?, hash = ?, tokens = ?, max_input = ?,
       max_output = ?, available_at = 0, last_attempt = attempts + ? WHERE id = ?`,
  ).run(
    prepared.lane,
    prepared.bytes,
    prepared.hash,
    prepared.size.inputTokens,
    prepared.size.maxInputTokens,
    prepared.size.maxOutputTokens ?? null,
    adding.maxAttempts,
    id,
  );
  db.sql('DELETE FROM corrections WHERE job = ?').run(id);
  db.sql('DELETE FROM results WHERE job = ?').run(id);
  // A late answer to the earlier request is not an answer to this one.
  if (!sameRequest) db.sql("UPDATE attempts SET outcome = 'failed' WHERE job = ? AND outcome = 'lost'").run(id);
  db.sql('INSERT INTO payloads (job, body) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET body = excluded.body').run(
    id,
    job.request.body,
  );
  if (state === 'queued') {
    added.known += 1;
    return;
  }
  delta.counts[state === 'failed' ? 'failed' : 'skipped'] -= 1;
  delta.counts.queued += 1;
  added.reopened += 1;
  if (options.reuse) {
    const before = added.added;
    reuse(adding, id, job, prepared);
    added.added = before;
  }
}
