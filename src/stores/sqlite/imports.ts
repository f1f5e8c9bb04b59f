import type { ImportedBatch, ImportedRow } from '../../store-rows.ts';
import { BatchSums } from './batch-sums.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { laneFor } from './lanes.ts';
import { number, optionalNumber } from './rows.ts';
import { firstJobId, lastJobId, RunDelta, runSeq } from './runs.ts';
import { Spending } from './spending.ts';

/** Batches that were submitted elsewhere, and their results as a run of ours. */

export function findRemotes(
  db: Database,
  account: string,
  remoteIds: readonly string[],
  which?: 'submitted',
): Set<string> {
  return db.read(() => {
    const find = db.sql(
      `SELECT 1 FROM batches b JOIN lanes l ON l.id = b.lane WHERE b.remote_id = ? AND l.account = ?
         ${which === 'submitted' ? "AND b.raw_status IS NOT 'adopted'" : ''} LIMIT 1`,
    );
    return new Set(remoteIds.filter((id) => find.get(id, account) !== undefined));
  });
}

export function importResults(
  db: Database,
  runId: string,
  remote: ImportedBatch,
  rows: readonly ImportedRow[],
): number {
  return db.write(() => {
    const run = runSeq(db, runId);
    const lane = laneFor(db, run, { ...remote, mode: 'batch' }, false);
    const batch = batchFor(db, run, lane, remote);
    const last = db.sql('SELECT max(id) AS id FROM jobs WHERE id BETWEEN ? AND ?').get(firstJobId(run), lastJobId(run));
    const delta = new RunDelta();
    const spending = new Spending();
    const sums = new BatchSums();
    let job = (last && optionalNumber(last, 'id')) ?? firstJobId(run);
    let added = 0;
    for (const { key, position, row } of rows) {
      const state = row.outcome === 'succeeded' ? 'succeeded' : row.outcome === 'cancelled' ? 'cancelled' : 'failed';
      // Without a lane: there is no request that could be sent again.
      const { changes } = db
        .sql(
          `INSERT INTO jobs (id, run, key, position, state, priority, attempts, last_attempt, batch)
           VALUES (?, ?, ?, ?, ?, 5, 1, 1, ?) ON CONFLICT (run, key) DO NOTHING`,
        )
        .run(job + 1, run, key, position, state, batch);
      if (Number(changes) === 0) continue;
      job += 1;
      added += 1;
      insertResult(db, job, row);
      insertAttempt(db, job, batch, row);
      delta.counts[state] += 1;
      delta.addUsage(row);
      spending.add(row, lane, false);
      sums.add(row);
    }
    db.sql('UPDATE batches SET requests = requests + ? WHERE id = ?').run(added, batch);
    delta.write(db, run);
    spending.write(db);
    sums.write(db, batch);
    return added;
  });
}

function batchFor(db: Database, run: number, lane: number, remote: ImportedBatch): number {
  const known = db.sql('SELECT id FROM batches WHERE run = ? AND remote_id = ?').get(run, remote.remoteId);
  if (known) return number(known, 'id');
  const row = db
    .sql(
      `INSERT INTO batches (run, lane, state, nonce, remote_id, raw_status, created_at, ended_at)
       VALUES (?, ?, 'collected', ?, ?, 'adopted', ?, ?)
       RETURNING id`,
    )
    .get(run, lane, `adopted ${run} ${remote.remoteId}`, remote.remoteId, remote.now, remote.endedAt ?? remote.now);
  const id = number(row ?? {}, 'id');
  addEvent(db, { at: remote.now, run, batch: id, type: 'batch_adopted', detail: remote.remoteId });
  return id;
}

function insertResult(db: Database, job: number, row: ImportedRow['row']): void {
  const isGood = row.outcome === 'succeeded';
  db.sql(
    'INSERT INTO results (job, output, response, finish_reason, error_code, error_message) VALUES (?, ?, ?, ?, ?, ?)',
  ).run(
    job,
    isGood ? (row.output ?? '') : null,
    row.response ?? null,
    row.finishReason ?? null,
    isGood ? null : (row.errorCode ?? row.outcome),
    isGood ? null : (row.errorMessage ?? row.outcome),
  );
}

function insertAttempt(db: Database, job: number, batch: number, row: ImportedRow['row']): void {
  db.sql(
    `INSERT INTO attempts (job, number, batch, outcome, error_code, error_message, input_tokens, output_tokens,
       cached_tokens, reasoning_tokens, cost_nano, started_at, ended_at) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    job,
    batch,
    row.outcome,
    row.errorCode ?? null,
    row.errorMessage ?? null,
    row.usage?.inputTokens ?? null,
    row.usage?.outputTokens ?? null,
    row.usage?.cachedTokens ?? null,
    row.usage?.reasoningTokens ?? null,
    row.costNanoUsd ?? null,
    row.at,
    row.at,
  );
}
