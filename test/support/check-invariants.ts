import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { deliver } from '../../src/engine/deliver.ts';
import { totalOf } from '../../src/job.ts';
import type { Run } from '../../src/run.ts';
import type { Ledger } from '../../src/sandbox/ledger.ts';
import type { ResultRow } from '../../src/sink.ts';
import type { Store } from '../../src/store.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { readFacts, type StoreFacts } from './store-facts.ts';
import { markerOf } from './temporary.ts';

export interface CheckInput {
  home: string;
  /** What the provider really did; without it nothing is said about money. */
  ledger?: Ledger;
  /** The jobs that were asked for: file names of the last run, or of each run by its id. */
  attempted: readonly string[] | ReadonlyMap<string, readonly string[]>;
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
    for (const [run, wanted] of await attemptedOf(store, input)) {
      const rows: CheckedRow[] = [];
      await deliver(store, run.id, collector(rows, input.ownAnswers ?? true));
      checkRows(input, run, { rows, wanted }, verdict);
    }
  } finally {
    await store.close();
  }
  if (input.ledger) checkLedger(input.ledger, facts, verdict);
  return verdict;
}

async function attemptedOf(store: Store, { attempted }: CheckInput): Promise<[Run, ReadonlySet<string>][]> {
  const runs = await store.listRuns(attempted instanceof Map ? {} : { limit: 1 });
  if (runs.length === 0) throw new Error('There is no run.');
  return runs.map((run) => [run, new Set(attempted instanceof Map ? attempted.get(run.id) : (attempted as string[]))]);
}

/** What is kept of a row: its answer may be megabytes. */
interface CheckedRow extends Pick<ResultRow, 'key' | 'state'> {
  /** The beginning of an answer to something else. */
  foreign?: string;
}

function collector(rows: CheckedRow[], ownAnswers: boolean) {
  return {
    begin: async () => {},
    async write({ key, state, output }: ResultRow) {
      const isOwn = state !== 'succeeded' || !ownAnswers || output?.includes(markerOf(key));
      rows.push(isOwn ? { key, state } : { key, state, foreign: JSON.stringify(output?.slice(0, 100) ?? null) });
    },
    end: async () => {},
    abort: async () => {},
  };
}

function checkEnd(facts: StoreFacts, killedBeside: number, { violations }: Verdict): void {
  if (facts.leases > 0) violations.push(`${facts.leases} leases are left`);
  if (facts.sessions > killedBeside) violations.push(`${facts.sessions} processes did not close the store`);
  for (const words of facts.openBatches) violations.push(`${words}, although all has ended`);
}

function checkRows(
  input: CheckInput,
  run: Run,
  { rows, wanted }: { rows: readonly CheckedRow[]; wanted: ReadonlySet<string> },
  verdict: Verdict,
): void {
  const { violations } = verdict;
  const seen = new Map<string, number>();
  for (const row of rows) {
    seen.set(row.key, (seen.get(row.key) ?? 0) + 1);
    if (!wanted.has(row.key) || row.foreign !== undefined) {
      verdict.unexpected += 1;
      violations.push(`unexpected: ${row.key} holds ${row.foreign ?? 'nothing that was asked for'}`);
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

function checkLedger(ledger: Ledger, facts: StoreFacts, verdict: Verdict): void {
  const { violations } = verdict;
  checkBatches(ledger, facts, violations);
  verdict.paidAgain = Math.min(ledger.bodiesChargedMoreThanOnce, facts.chargedAgain);
  verdict.paidTwice = ledger.bodiesChargedMoreThanOnce - verdict.paidAgain;
  if (verdict.paidTwice > 0) violations.push(`${verdict.paidTwice} requests were paid twice`);
  if (facts.succeededTwice > 0) violations.push(`${facts.succeededTwice} requests succeeded twice, each time paid`);
  violations.push(...facts.overBudget);
  const attemptCost = [...facts.costs.values()].reduce((sum, cost) => sum + cost, 0);
  if (facts.runCost !== attemptCost) {
    violations.push(`runs cost ${facts.runCost}, their attempts ${attemptCost} nano-dollars`);
  }
  if (facts.unpriced > 0) return;
  for (const [provider, { chargedNanoUsd = 0 }] of Object.entries(ledger.providers)) {
    const cost = facts.costs.get(provider) ?? 0;
    const isExplained = facts.unseenCalls.has(provider) ? chargedNanoUsd >= cost : chargedNanoUsd === cost;
    if (!isExplained) violations.push(`${provider} charged ${chargedNanoUsd} nano-dollars, the store has ${cost}`);
  }
}

/** Every batch that runs at a provider is known by its id, and to one batch of ours: one create for one intent. */
function checkBatches(ledger: Ledger, facts: StoreFacts, violations: string[]): void {
  const known = new Map<string, number>();
  for (const { remoteId } of facts.batches) {
    if (remoteId !== null) known.set(lastPart(remoteId), (known.get(lastPart(remoteId)) ?? 0) + 1);
  }
  for (const { id, provider, status } of ledger.batches) {
    // One that was refused has run nothing: the same intent may be sent again.
    if (/fail/i.test(status)) continue;
    // One that cannot be proved is given up in words that name it: its jobs have failed, and are not sent again.
    if (facts.batches.some(({ lostWords }) => lostWords.includes(id))) continue;
    const owners = known.get(lastPart(id)) ?? 0;
    if (owners === 0) violations.push(`${provider} has batch ${id} (${status}), which nobody here knows`);
    if (owners > 1) violations.push(`batch ${id} of ${provider} counts as ${owners} batches here`);
  }
}

/** `batches/abc` and `abc` are the same. */
function lastPart(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
