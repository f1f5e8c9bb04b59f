import { DatabaseSync } from 'node:sqlite';

/** What the tables say, read past the store, which would tidy up at its opening what must not be there. */
export interface StoreFacts {
  leases: number;
  sessions: number;
  openBatches: string[];
  runCost: number;
  /** Sums of the attempts by provider, in nano-dollars. */
  costs: ReadonlyMap<string, number>;
  unpriced: number;
  /** Attempts that the provider may have charged beyond the first for the same request. */
  chargedAgain: number;
  /** Realtime calls whose answer nobody saw, by provider. */
  unseenCalls: ReadonlyMap<string, number>;
  recovered: number;
  batches: { remoteId: string | null; lostWords: string }[];
  /** Requests that succeeded twice, in one job or two, although neither haste nor `fresh` asked for it. */
  succeededTwice: number;
  /** Runs that spent more than they may. */
  overBudget: string[];
}

/** A realtime call that may have been charged although its answer was lost: on record, and not to be avoided. */
const unseen = "(a.batch IS NULL AND (a.outcome = 'lost' OR a.error_code IN ('connection', 'timeout', 'malformed')))";
/** A call of a run that waits for no batch of another one. */
const isHasty = "(r.mode = 'realtime' OR r.deadline_at IS NOT NULL)";
const withLane = 'attempts a JOIN jobs j ON j.id = a.job JOIN lanes l ON l.id = j.lane';

export function readFacts(path: string): StoreFacts {
  const database = new DatabaseSync(path);
  try {
    const count = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0);
    const byProvider = (sum: string, condition: string) =>
      new Map(
        database
          .prepare(`SELECT l.provider, ${sum} AS sum FROM ${withLane} WHERE ${condition} GROUP BY l.provider`)
          .all()
          .map((row) => [String(row.provider), Number(row.sum)]),
      );
    const batches = database.prepare('SELECT id, remote_id, state, error_code, error_message FROM batches').all();
    return {
      leases:
        count('SELECT count(*) FROM batches WHERE lease_owner IS NOT NULL') +
        count('SELECT count(*) FROM attempts WHERE lease_owner IS NOT NULL'),
      sessions: count('SELECT count(*) FROM sessions'),
      openBatches: batches
        .filter((batch) => !['collected', 'failed', 'abandoned'].includes(String(batch.state)))
        .map((batch) => `batch ${batch.id} is ${batch.state}`),
      runCost: count('SELECT sum(cost_nano) FROM runs'),
      costs: byProvider('sum(a.cost_nano)', 'a.cost_nano IS NOT NULL'),
      unpriced: count('SELECT sum(unpriced) FROM runs'),
      chargedAgain: count(
        `SELECT coalesce(sum(times - 1), 0) FROM (SELECT count(*) AS times FROM attempts a JOIN payloads p ON p.job = a.job
         WHERE a.input_tokens IS NOT NULL OR ${unseen} GROUP BY p.body) WHERE times > 1`,
      ),
      unseenCalls: byProvider('count(*)', unseen),
      recovered: count(
        `SELECT count(DISTINCT a.job) FROM attempts a WHERE a.outcome = 'succeeded' AND (
           a.batch IN (SELECT batch FROM events WHERE type = 'batch_unknown')
           OR EXISTS (SELECT 1 FROM attempts l WHERE l.job = a.job AND l.outcome = 'lost'))`,
      ),
      batches: batches.map((batch) => ({
        remoteId: batch.remote_id === null ? null : String(batch.remote_id),
        lostWords: batch.error_code === 'batch_lost' ? String(batch.error_message) : '',
      })),
      succeededTwice: count(
        `SELECT count(*) FROM (SELECT p.body FROM ${withLane} JOIN payloads p ON p.job = a.job
           JOIN runs r ON r.seq = j.run LEFT JOIN batches b ON b.id = a.batch
         WHERE a.outcome = 'succeeded' AND r.fresh = 0 GROUP BY l.account, l.endpoint, p.body
         HAVING count(*) > 1 AND max(coalesce(b.hedged, 0)) = 0
           AND NOT (count(a.batch) = 1 AND count(*) = 2 AND max(a.batch IS NULL AND ${isHasty}) = 1))`,
      ),
      overBudget: database
        .prepare('SELECT id, cost_nano, budget_nano FROM runs WHERE cost_nano > budget_nano')
        .all()
        .map(({ id, cost_nano, budget_nano }) => `run ${id} cost ${cost_nano} of ${budget_nano} nano-dollars`),
    };
  } finally {
    database.close();
  }
}
