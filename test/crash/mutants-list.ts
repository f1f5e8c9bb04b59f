import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { providerDefects } from './provider-defects.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Defects that the tests must notice. Each is a small edit of the product that a tired hand might make, and each costs
 * the user answers or money.
 */
export interface Defect {
  name: string;
  file: string;
  /** Stands exactly once in the file, else the list is stale. Short, so that edits around it do not matter. */
  find: string;
  replace: string;
  /** What it would cost the user. */
  cost: string;
  /** The narrowest test files that should notice it. */
  noticedBy: readonly string[];
  /** Only the tests whose full name matches: the suite of the store is long. */
  only?: string;
}

const storeSuite = ['src/stores/sqlite/sqlite-store.test.ts'];

export const defects: readonly Defect[] = [
  ...providerDefects,
  // Paid twice.
  {
    name: 'sdk-retries',
    file: 'src/providers/openai/openai-client.ts',
    find: 'maxRetries: 0',
    replace: 'maxRetries: 2',
    cost: 'a create whose reply is lost is sent three times: three batches are paid',
    noticedBy: ['src/providers/openai/openai-create.test.ts'],
  },
  {
    name: 'server-error-is-no',
    file: 'src/providers/openai/openai-create.ts',
    find: "fault.status < 400 || fault.status >= 500 || kind === 'unavailable';",
    replace: 'fault.status < 400;',
    cost: 'a 5xx after the batch was created counts as "not created": it is created again and paid twice',
    noticedBy: ['src/providers/openai/openai-create.test.ts'],
  },
  {
    name: 'lost-reply-is-no',
    file: 'src/engine/submit.ts',
    find: 'hasCode(error, ...notCreated)',
    replace: "hasCode(error, 'outcome_unknown', ...notCreated)",
    cost: 'a create whose reply was lost is sent again without looking: paid twice',
    noticedBy: ['src/engine/submit.test.ts'],
  },
  {
    name: 'submitting-is-packed',
    file: 'src/engine/advance.ts',
    find: "{ state: 'unknown', absences: 0, absentSince: null }",
    replace: "{ state: 'packed' }",
    cost: 'killed between the create and its answer, the next start creates the batch again: paid twice',
    noticedBy: ['src/engine/submit.test.ts'],
  },
  {
    name: 'one-listing-is-proof',
    file: 'src/engine/reconcile.ts',
    find: 'absences >= limits.absentListings && now - absentSince >= limits.absentGraceMs',
    replace: 'absences >= 1',
    cost: 'a provider that lists a new batch late has it created again: paid twice',
    noticedBy: ['src/engine/reconcile.test.ts'],
  },
  {
    name: 'nonce-ignored',
    file: 'src/engine/reconcile.ts',
    find: 'if (remote.nonce === batch.nonce) return { found: remote };',
    replace: '',
    cost: 'our own batch is not known again where the listing leaves out the input file: paid twice',
    noticedBy: ['src/engine/reconcile.test.ts'],
  },
  {
    name: 'input-file-ignored',
    file: 'src/engine/reconcile.ts',
    find: 'if (batch.inputFileId !== undefined && remote.inputFileId === batch.inputFileId) return { found: remote };',
    replace: '',
    cost: 'our own batch is not known again where the provider keeps no metadata: paid twice',
    noticedBy: ['src/engine/reconcile.test.ts'],
  },
  {
    name: 'listing-cut-short',
    file: 'src/providers/openai/openai-list.ts',
    find: 'if (hasMore !== undefined) return !hasMore;',
    replace: 'if (hasMore !== undefined) return true;',
    cost: 'a batch behind the first hundred counts as absent and is created again: paid twice',
    noticedBy: ['src/providers/openai/openai-batch.test.ts'],
  },
  {
    name: 'stale-create',
    file: 'src/engine/submit.ts',
    find: 'clock.now() - (batch.submittedAt ?? 0) > engine.leaseMs',
    replace: 'clock.now() < (batch.submittedAt ?? 0)',
    cost: 'a process that stood still past its lease creates a batch that another has created: paid twice',
    noticedBy: ['src/engine/submit.test.ts'],
  },
  {
    name: 'always-a-new-run',
    file: 'src/stores/sqlite/runs.ts',
    find: 'const unfinished = run.fresh',
    replace: 'const unfinished = true',
    cost: 'the killed command, repeated, begins again from nothing beside its own batch: paid twice',
    noticedBy: ['src/offpeak.test.ts'],
  },
  {
    name: 'money-counted-twice',
    file: 'src/stores/sqlite/book.ts',
    find: 'if (!mayClose(attempt, row, lease)) {',
    replace: 'if (lease === undefined && !mayClose(attempt, row, lease)) {',
    cost: 'results that are read again after a crash are booked again: the cost shown is double what was paid',
    noticedBy: storeSuite,
    only: 'booking',
  },
  // Answers lost.
  {
    name: 'always-complete',
    file: 'src/engine/collect.ts',
    find: 'for await (const _ of openRows(engine, batch, 1)) return false;',
    replace: '',
    cost: 'rows that a cut download left out are never read nor sent again: the run never ends, answers are lost',
    noticedBy: ['src/engine/collect.test.ts'],
  },
  {
    name: 'cut-download-accepted',
    file: 'src/providers/read-result-lines.ts',
    find: 'if (!isFramed(answer)) provePlainEnd',
    replace: 'if (isFramed(answer) && !isFramed(answer)) provePlainEnd',
    cost: 'a download cut without an error passes for whole: its rows are taken for missing and paid again',
    noticedBy: ['src/providers/openai/openai-results.test.ts'],
  },
  {
    name: 'expired-thrown-away',
    file: 'src/engine/collect.ts',
    find: 'of api.results(remote, signal))',
    replace: "of remote.rawStatus === 'completed' ? api.results(remote, signal) : [])",
    cost: 'what an expired or cancelled batch finished, and was paid for, is thrown away',
    noticedBy: ['src/engine/collect.test.ts'],
  },
  {
    name: 'expired-without-files',
    file: 'src/providers/openai/openai-api.ts',
    find: '    resultFileIds,',
    replace: "    resultFileIds: rawStatus !== 'completed' ? [] : resultFileIds,",
    cost: 'as before, one layer down: the files of an expired or cancelled batch are not seen',
    noticedBy: ['src/providers/openai/openai-batch.test.ts'],
  },
  {
    name: 'late-success-lost',
    file: 'src/job.ts',
    find: "packed: ['running', 'queued', 'cancelled', 'failed', 'succeeded'],",
    replace: "packed: ['running', 'queued', 'cancelled', 'failed'],",
    cost: 'an answer that comes late, while the job waits in the next batch, is thrown away though paid',
    noticedBy: storeSuite,
    only: 'late results',
  },
  {
    name: 'foreign-lines-booked',
    file: 'src/engine/collect.ts',
    find: 'if (id && id.nonce === batch.nonce)',
    replace: 'if (id)',
    cost: "another batch's line is kept as the answer to this one's job: a wrong answer in the results",
    noticedBy: ['src/engine/collect.test.ts'],
  },
  {
    name: 'failure-hides-the-answer',
    file: 'src/stores/sqlite/book.ts',
    find: "return lease !== undefined && outcome !== 'succeeded' && !hasUsage && row.outcome === 'succeeded';",
    replace: 'return lease === undefined && false;',
    cost: 'results that name a request twice, first as failed: the paid answer is thrown away and bought again',
    noticedBy: storeSuite,
    only: 'booking',
  },
  {
    name: 'reuse-by-hash-alone',
    file: 'src/stores/sqlite/sharing.ts',
    find: 'l.endpoint = ?4 AND p.body = own.body',
    replace: 'l.endpoint = ?4',
    cost: 'a job is given the answer to another request',
    noticedBy: ['src/stores/sqlite/add-jobs.test.ts'],
  },
  {
    name: 'attempts-not-given-back',
    file: 'src/stores/sqlite/book.ts',
    find: 'SET attempts = attempts - 1',
    replace: 'SET attempts = attempts',
    cost: "the provider's own faults use up the attempts: jobs fail that were never run",
    noticedBy: storeSuite,
    only: 'packing',
  },
  // The store's promises.
  {
    name: 'fence-dropped',
    file: 'src/stores/sqlite/batches.ts',
    find: " || number(row, 'generation') !== lease.generation",
    replace: '',
    cost: 'a worker that was replaced writes over its successor: batches sent twice, states undone',
    noticedBy: storeSuite,
    only: 'fencing',
  },
  {
    name: 'booking-split',
    file: 'src/stores/sqlite/book.ts',
    find: 'for (const row of rows) bookRow(booking, row);',
    replace: "for (const row of rows) { bookRow(booking, row); db.sql('COMMIT').run(); db.sql('BEGIN').run(); }",
    cost: 'killed while it books, the sums of the run never agree with its jobs again: it never ends',
    noticedBy: ['src/stores/sqlite/book.test.ts'],
  },
  {
    name: 'no-sync',
    file: 'src/stores/sqlite/database.ts',
    find: 'PRAGMA synchronous = FULL;',
    replace: 'PRAGMA synchronous = OFF;',
    cost: 'a power cut takes back what was acknowledged, the id of a paid batch among it',
    noticedBy: ['src/stores/sqlite/database.test.ts'],
  },
  {
    name: 'dead-keep-leases',
    file: 'src/engine/sweep.ts',
    find: '!isAlive(process)',
    replace: 'isAlive(engine.owner) === undefined',
    cost: 'a killed worker’s batch stands still until its lease has lapsed',
    noticedBy: ['src/engine/worker.test.ts'],
  },
  {
    name: 'lapsed-keep-leases',
    file: 'src/engine/sweep.ts',
    find: 'if (freeLapsed) await engine.store.releaseLapsed(now);',
    replace: '',
    cost: 'the batch of a machine that is gone is never looked at again: its answers are lost',
    noticedBy: ['src/engine/worker.test.ts'],
  },
  // Secrets.
  {
    name: 'key-in-messages',
    file: 'src/providers/openai/openai-client.ts',
    find: 'redact: createRedact(apiKey)',
    replace: 'redact: (words) => words',
    cost: 'a server that echoes the key puts it into messages, the store and the results',
    noticedBy: ['src/providers/openai/openai-create.test.ts'],
  },
];

/** A defect that no longer fits the code would be "caught" or "missed" without having been there. */
export function staleness({ name, file, find, replace, noticedBy }: Defect): string[] {
  const places = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8').split(find).length - 1 : 0;
  const gone = noticedBy.filter((path) => !existsSync(join(root, path)));
  return [
    ...(places === 1 ? [] : [`${name}: its text stands ${places} times in ${file}`]),
    ...(find === replace ? [`${name}: changes nothing`] : []),
    ...gone.map((path) => `${name}: there is no ${path}`),
  ];
}
