import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deliver } from '../../src/engine/deliver.ts';
import { totalOf } from '../../src/job.ts';
import type { Run } from '../../src/run.ts';
import type { Ledger } from '../../src/sandbox/ledger.ts';
import type { ResultRow } from '../../src/sink.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { markerOf } from './temporary.ts';

export interface CheckInput {
  home: string;
  /** What the provider really did; without it nothing is said about money. */
  ledger?: Ledger;
  /** The jobs that were asked for: file names of the last run. */
  attempted: readonly string[];
  /** Whether every one of them must have succeeded, with the answer to its own document. Default true. */
  allSucceeded?: boolean;
  /** Whether each answer must be the one to its own document. Default true. */
  ownAnswers?: boolean;
  /** Whether all work has ended: no lease, no open batch. Default true. */
  ended?: boolean;
  /** Processes that were killed while others went on: what they left is tidied up by the next that opens the store. */
  killedBeside?: number;
}

/** What a run came to, in the words of Jepsen's queue checker. */
export interface Verdict {
  /** Asked for, and without exactly one final result. */
  lost: number;
  /** More than one result for one job in the export. */
  duplicated: number;
  /** A result nobody asked for, or the answer to another document. */
  unexpected: number;
  /** Succeeded although the fate of the submission was unknown for a while. */
  recovered: number;
  /** Bodies charged more than once without a booked reason. */
  paidTwice: number;
  /** Bodies charged again for a reason that is on record: an answer that failed its check, a call whose worker died. */
  paidAgain: number;
  violations: string[];
}

/** The one checker of I1 to I5 (`reliability.md`), for every test that kills or spoils something. */
export async function checkInvariants(input: CheckInput): Promise<Verdict> {
  const path = join(input.home, 'offpeak.db');
  if (!existsSync(path)) throw new Error(`There is no store at ${path}.`);
  const facts = readFacts(path);
  const verdict: Verdict = {
    lost: 0,
    duplicated: 0,
    unexpected: 0,
    recovered: facts.recovered,
    paidTwice: 0,
    paidAgain: 0,
    violations: [],
  };
  if (input.ended ?? true) checkEnd(facts, input.killedBeside ?? 0, verdict);
  const store = createSqliteStore({ path, owner: `checker:${process.pid}` });
  try {
    for (const words of await store.check()) verdict.violations.push(`store: ${words}`);
    const [run] = await store.listRuns({ limit: 1 });
    if (!run) throw new Error('There is no run.');
    const rows: ResultRow[] = [];
    await deliver(store, run.id, collector(rows));
    checkRows(input, run, rows, verdict);
  } finally {
    await store.close();
  }
  if (input.ledger) checkLedger(input.ledger, facts, verdict);
  return verdict;
}

function collector(rows: ResultRow[]) {
  return {
    begin: async () => {},
    write: async (row: ResultRow) => void rows.push(row),
    end: async () => {},
    abort: async () => {},
  };
}

interface Facts {
  leases: number;
  sessions: number;
  openBatches: string[];
  runCost: number;
  attemptCost: number;
  unpriced: number;
  /** Jobs that have more than one attempt which the provider may have charged. */
  chargedAgain: number;
  /** Realtime calls whose answer nobody saw. */
  unseenCalls: number;
  recovered: number;
  batches: { nonce: string; remoteId: string | null; state: string }[];
}

/** A realtime call that may have been charged although its answer was lost: on record, and not to be avoided. */
const unseen = "(batch IS NULL AND (outcome = 'lost' OR error_code IN ('connection', 'timeout')))";

/** Read past the store, which would tidy up at its opening what must not be there. */
function readFacts(path: string): Facts {
  const database = new DatabaseSync(path);
  try {
    const count = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0);
    const batches = database.prepare('SELECT id, nonce, remote_id, state FROM batches').all();
    return {
      leases:
        count('SELECT count(*) FROM batches WHERE lease_owner IS NOT NULL') +
        count('SELECT count(*) FROM attempts WHERE lease_owner IS NOT NULL'),
      sessions: count('SELECT count(*) FROM sessions'),
      openBatches: batches
        .filter((batch) => !['collected', 'failed', 'abandoned'].includes(String(batch.state)))
        .map((batch) => `batch ${batch.id} is ${batch.state}`),
      runCost: count('SELECT sum(cost_nano) FROM runs'),
      attemptCost: count('SELECT sum(cost_nano) FROM attempts'),
      unpriced: count('SELECT sum(unpriced) FROM runs'),
      chargedAgain: count(
        `SELECT coalesce(sum(times - 1), 0) FROM (SELECT count(*) AS times FROM attempts
         WHERE input_tokens IS NOT NULL OR ${unseen} GROUP BY job) WHERE times > 1`,
      ),
      unseenCalls: count(`SELECT count(*) FROM attempts WHERE ${unseen}`),
      recovered: count(
        `SELECT count(DISTINCT a.job) FROM attempts a WHERE a.outcome = 'succeeded' AND (
           a.batch IN (SELECT batch FROM events WHERE type = 'batch_unknown')
           OR EXISTS (SELECT 1 FROM attempts l WHERE l.job = a.job AND l.outcome = 'lost'))`,
      ),
      batches: batches.map((batch) => ({
        nonce: String(batch.nonce),
        remoteId: batch.remote_id === null ? null : String(batch.remote_id),
        state: String(batch.state),
      })),
    };
  } finally {
    database.close();
  }
}

function checkEnd(facts: Facts, killedBeside: number, { violations }: Verdict): void {
  if (facts.leases > 0) violations.push(`${facts.leases} leases are left`);
  if (facts.sessions > killedBeside) violations.push(`${facts.sessions} processes did not close the store`);
  for (const words of facts.openBatches) violations.push(`${words}, although all has ended`);
}

function checkRows(input: CheckInput, run: Run, rows: readonly ResultRow[], verdict: Verdict): void {
  const { violations } = verdict;
  const wanted = new Set(input.attempted);
  const seen = new Map<string, number>();
  for (const row of rows) {
    seen.set(row.key, (seen.get(row.key) ?? 0) + 1);
    const isOwn = row.state !== 'succeeded' || input.ownAnswers === false || row.output?.includes(markerOf(row.key));
    if (!wanted.has(row.key) || !isOwn) {
      verdict.unexpected += 1;
      violations.push(`unexpected: ${row.key} holds ${JSON.stringify(row.output?.slice(0, 100))}`);
    }
  }
  const states = new Map(rows.map((row) => [row.key, row.state]));
  for (const key of wanted) {
    const state = states.get(key);
    const isFinal = state !== undefined && state !== 'pending';
    if (!isFinal || ((input.allSucceeded ?? true) && state !== 'succeeded')) {
      verdict.lost += 1;
      if (verdict.lost <= 3) violations.push(`lost: ${key} is ${state ?? 'not there'}`);
    }
    if ((seen.get(key) ?? 0) > 1) verdict.duplicated += 1;
  }
  if (totalOf(run.counts) !== rows.length) {
    violations.push(`the run counts ${totalOf(run.counts)} jobs, its export has ${rows.length}`);
  }
  const succeeded = rows.filter((row) => row.state === 'succeeded').length;
  if (succeeded !== run.counts.succeeded) {
    violations.push(`the run counts ${run.counts.succeeded} successes, its export has ${succeeded}`);
  }
}

function checkLedger(ledger: Ledger, facts: Facts, verdict: Verdict): void {
  const { violations } = verdict;
  if (facts.runCost !== facts.attemptCost) {
    violations.push(`runs cost ${facts.runCost}, their attempts ${facts.attemptCost} nano-dollars`);
  }
  const nonces = new Map(facts.batches.map((batch) => [batch.nonce, batch]));
  const creates = new Map<string, number>();
  for (const batch of ledger.batches) {
    const nonce = batch.metadata?.offpeak_submit ?? '';
    if (!nonces.has(nonce)) violations.push(`the provider has batch ${batch.id}, which nobody here knows`);
    // One that was refused has run nothing: the same intent may be sent again.
    if (batch.status !== 'failed') creates.set(nonce, (creates.get(nonce) ?? 0) + 1);
  }
  for (const [nonce, times] of creates) {
    if (times > 1) violations.push(`the submission ${nonce} was created ${times} times`);
  }
  verdict.paidAgain = Math.min(ledger.bodiesChargedMoreThanOnce, facts.chargedAgain);
  verdict.paidTwice = ledger.bodiesChargedMoreThanOnce - verdict.paidAgain;
  if (verdict.paidTwice > 0) violations.push(`${verdict.paidTwice} requests were paid twice`);
  const difference = ledger.chargedNanoUsd - facts.runCost;
  const isExplained = facts.unseenCalls > 0 ? difference >= 0 : difference === 0;
  if (facts.unpriced === 0 && !isExplained) {
    violations.push(`the provider charged ${ledger.chargedNanoUsd} nano-dollars, the store has ${facts.runCost}`);
  }
}
