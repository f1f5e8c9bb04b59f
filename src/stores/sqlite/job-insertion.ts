import { hash } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import { OffpeakError } from '../../errors.ts';
import type { RequestSize } from '../../request.ts';
import type { LaneKey, NewJob } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { laneFor } from './lanes.ts';
import { optionalNumber } from './rows.ts';
import { firstJobId, lastJobId } from './runs.ts';

/** New jobs on their way into one run, inside one transaction. */
export interface Insertion {
  readonly db: Database;
  readonly run: number;
  readonly maxAttempts: number;
  /** Of jobs that name none. */
  readonly priority: number;
  /** Their lanes let nothing go while the run is open. */
  readonly held: boolean;
  /** Ids of a run's jobs follow each other in the order in which they come. */
  nextId: number;
  readonly lanes: Map<string, number>;
  readonly insertJob: StatementSync;
  readonly insertPayload: StatementSync;
}

/** What a request is to the store. */
export interface Prepared {
  lane: number | null;
  bytes: number;
  hash: number | null;
  size: RequestSize;
}

const noSize: RequestSize = { inputTokens: 0, maxInputTokens: 0 };

export function beginInsertion(
  db: Database,
  run: { seq: number; priority: number; maxAttempts: number; held: boolean },
): Insertion {
  const { seq, ...rest } = run;
  const last = db.sql('SELECT max(id) AS id FROM jobs WHERE id BETWEEN ? AND ?').get(firstJobId(seq), lastJobId(seq));
  return {
    ...rest,
    db,
    run: seq,
    nextId: ((last && optionalNumber(last, 'id')) ?? firstJobId(seq)) + 1,
    lanes: new Map(),
    insertJob: db.sql(
      `INSERT INTO jobs (id, run, lane, key, position, state, priority, last_attempt, bytes, hash, tokens, inputs,
         max_input, max_output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, key) DO NOTHING`,
    ),
    insertPayload: db.sql('INSERT INTO payloads (job, body) VALUES (?, ?)'),
  };
}

export function prepare(insertion: Insertion, { request }: Pick<NewJob, 'request'>): Prepared {
  if (!request) return { lane: null, bytes: 0, hash: null, size: noSize };
  const { lane, body, size } = request;
  return { lane: laneId(insertion, lane), bytes: Buffer.byteLength(body), hash: requestHash(body), size };
}

/** Returns the new job's id; undefined, and nothing was stored, when the run has the key already. */
export function insertJob(insertion: Insertion, job: NewJob, prepared: Prepared): number | undefined {
  if (!job.key.isWellFormed()) {
    throw new OffpeakError(`The key ${JSON.stringify(job.key)} is not valid Unicode.`, { code: 'usage' });
  }
  const id = insertion.nextId;
  const { changes } = insertion.insertJob.run(
    id,
    insertion.run,
    prepared.lane,
    job.key,
    job.position,
    job.request ? 'queued' : 'skipped',
    job.priority ?? insertion.priority,
    insertion.maxAttempts,
    prepared.bytes,
    prepared.hash,
    prepared.size.inputTokens,
    prepared.size.inputs ?? 0,
    prepared.size.maxInputTokens,
    prepared.size.maxOutputTokens ?? null,
  );
  if (changes !== 1) return undefined;
  insertion.nextId += 1;
  if (job.request) insertion.insertPayload.run(id, job.request.body);
  else if (job.skip) {
    const { code, message } = job.skip;
    insertion.db.sql('INSERT INTO results (job, error_code, error_message) VALUES (?, ?, ?)').run(id, code, message);
  }
  return id;
}

/**
 * 52 bits of the body's SHA-256: an integer that SQLite and JavaScript both hold exactly. It only finds candidates; the
 * bodies themselves, and who answers them, are compared before anything is reused. As text: a buffer costs twice the time.
 */
function requestHash(body: string): number {
  return Number.parseInt(hash('sha256', body, 'hex').slice(0, 13), 16);
}

function laneId(insertion: Insertion, lane: LaneKey): number {
  const name = `${lane.account}\n${lane.model}\n${lane.endpoint}`;
  let id = insertion.lanes.get(name);
  if (id === undefined) {
    id = laneFor(insertion.db, insertion.run, lane, insertion.held);
    insertion.lanes.set(name, id);
  }
  return id;
}
