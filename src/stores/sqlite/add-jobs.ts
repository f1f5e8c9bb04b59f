import type { AddedJobs, AddOptions, NewJob } from '../../store-rows.ts';
import { isOpen } from './batches.ts';
import type { Database } from './database.ts';
import { beginInsertion, type Insertion, insertJob, type Prepared, prepare } from './job-insertion.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import { RunDelta, runSeq } from './runs.ts';
import { endFlight, findAnswer, takeAnswer } from './sharing.ts';

/** Adds a chunk of jobs in one transaction; see the port for what happens to keys that are known. */
export function addJobs(db: Database, runId: string, jobs: readonly NewJob[], options: AddOptions): AddedJobs {
  return db.write(() => {
    const run = runSeq(db, runId);
    const row = db.sql('SELECT state, queue, priority, max_attempts FROM runs WHERE seq = ?').get(run) ?? {};
    const priority = number(row, 'priority');
    const maxAttempts = number(row, 'max_attempts');
    // What came by a queue is held, and counted as such: nothing joins it by this way.
    const closed = row.state !== 'open' || row.queue !== null;
    const adding: Adding = {
      insertion: beginInsertion(db, { seq: run, priority, maxAttempts, held: false }),
      options,
      delta: new RunDelta(),
      added: { added: 0, skipped: 0, reused: 0, reopened: 0, known: 0, changed: [], closed },
      // Most first runs: nothing to reuse, so nothing is looked up.
      hasResults: db.sql('SELECT 1 FROM runs WHERE succeeded > 0 LIMIT 1').get() !== undefined,
    };
    if (closed) return adding.added;
    for (const job of jobs) addJob(adding, job);
    adding.delta.write(db, run);
    return adding.added;
  });
}

interface Adding {
  insertion: Insertion;
  options: AddOptions;
  delta: RunDelta;
  added: AddedJobs;
  hasResults: boolean;
}

function addJob(adding: Adding, job: NewJob): void {
  const { insertion, added } = adding;
  const prepared = prepare(insertion, job);
  const inserted = insertJob(insertion, job, prepared);
  if (inserted !== undefined) {
    const state = job.request ? 'queued' : 'skipped';
    adding.delta.counts[state] += 1;
    added[state === 'queued' ? 'added' : 'skipped'] += 1;
    if (adding.options.reuse) reuse(adding, inserted, job, prepared);
    return;
  }
  const known = insertion.db
    .sql('SELECT id, state, position, hash, attempts FROM jobs WHERE run = ? AND key = ?')
    .get(insertion.run, job.key);
  if (!known) return;
  meetKnown(adding, known, job, prepared);
}

/** Takes the result of an earlier job whose request is the same to the byte. */
function reuse(adding: Adding, id: number, job: NewJob, prepared: Prepared): void {
  const { delta, added } = adding;
  const { db } = adding.insertion;
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
  const { added, delta, options } = adding;
  const { db, maxAttempts } = adding.insertion;
  const state = text(known, 'state');
  const id = number(known, 'id');
  const sameRequest = optionalNumber(known, 'hash') === (prepared.hash ?? undefined);
  const mayReopen = options.reopen && (state === 'skipped' || state === 'failed');
  // Sent already, and not yet answered (a late batch's jobs are queued too, or failed in realtime): its answer would be
  // one to another request. While a batch is read, an answer may still take the place of a failure.
  const isSent = () =>
    db
      .sql(
        `SELECT 1 FROM attempts a LEFT JOIN batches b ON b.id = a.batch
         WHERE a.job = ? AND (a.outcome IS NULL OR ${isOpen})`,
      )
      .get(id) !== undefined;
  const mayChange = mayReopen || (state === 'queued' && !sameRequest);
  if (!job.request || !mayChange || (!sameRequest && isSent())) {
    added.known += 1;
    if (job.request && !sameRequest) added.changed.push(job.key);
    return;
  }
  // `queued` with another request: the file changed before it was sent; the newest content is the one to send. Those
  // that wait for the answer to the former one go their own way.
  if (!sameRequest) endFlight(db, id, optionalNumber(known, 'hash'));
  db.sql(
    `UPDATE jobs SET state = 'queued', leader = NULL, lane = ?, bytes = ?, hash = ?, tokens = ?, inputs = ?,
       max_input = ?, max_output = ?, available_at = 0, last_attempt = attempts + ? WHERE id = ?`,
  ).run(
    prepared.lane,
    prepared.bytes,
    prepared.hash,
    prepared.size.inputTokens,
    prepared.size.inputs ?? 0,
    prepared.size.maxInputTokens,
    prepared.size.maxOutputTokens ?? null,
    maxAttempts,
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
