import type { DatabaseSync } from 'node:sqlite';

/** What really happened on the server: the judge in every "lost nothing, paid nothing twice" test. */
export interface Ledger {
  uploads: number;
  /** Calls to create a batch that reached the server, whatever came of them. */
  createCalls: number;
  /** Batches that exist. */
  creates: number;
  cancels: number;
  downloads: number;
  polls: number;
  lists: number;
  realtimeCalls: number;
  rowsExecuted: number;
  rowsCharged: number;
  /** Charged rows of models without a known price: they cost 0 here. */
  unpricedRows: number;
  inputTokens: number;
  outputTokens: number;
  chargedNanoUsd: number;
  distinctBodies: number;
  /** The 100 most repeated. */
  bodiesExecutedMoreThanOnce: { bodySha256: string; times: number }[];
  bodiesChargedMoreThanOnce: number;
  /** The counters above once more for each provider that was used: `openai`, `anthropic`, `gemini`, `ollama`. */
  providers: Record<string, Partial<Record<CounterName, number>>>;
  batches: LedgerBatch[];
}

export interface LedgerBatch {
  id: string;
  provider: string;
  status: string;
  /** All rows are answered, and time decides which of them are delivered. A cancel before it delivers none. */
  isExecuted: boolean;
  inputFileId: string;
  metadata: Record<string, string> | null;
  rows: number;
  rowsCharged: number;
  createdAt: number;
}

export type CounterName =
  | 'uploads'
  | 'createCalls'
  | 'creates'
  | 'cancels'
  | 'downloads'
  | 'polls'
  | 'lists'
  | 'realtimeCalls'
  | 'rowsExecuted'
  | 'rowsCharged'
  | 'unpricedRows'
  | 'inputTokens'
  | 'outputTokens'
  | 'chargedNanoUsd';

const COUNTERS: readonly CounterName[] = [
  'uploads',
  'createCalls',
  'creates',
  'cancels',
  'downloads',
  'polls',
  'lists',
  'realtimeCalls',
  'rowsExecuted',
  'rowsCharged',
  'unpricedRows',
  'inputTokens',
  'outputTokens',
  'chargedNanoUsd',
];

/** Realtime calls are booked under this execution; those of batches count up from 1. */
export const REALTIME_EXECUTION = 0;

export interface LedgerBook {
  /** The counters of a provider; what is counted there is counted in the sums too. */
  of(provider: string): { count(name: CounterName, by?: number): void };
  counterOf(name: CounterName): number;
  /** Books one executed body. It counts once its execution is in the table `executions`. */
  addRow(bodyHash: Buffer, execution: number, row: number, charged: boolean): void;
  executionsOf(bodyHash: Buffer): number;
  read(batches: LedgerBatch[]): Ledger;
}

const COUNTED = `execution = ${REALTIME_EXECUTION} OR execution IN (SELECT execution FROM executions)`;

export function createLedgerBook(database: DatabaseSync): LedgerBook {
  const add = database.prepare(
    'INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
  );
  const readCounter = database.prepare('SELECT value FROM counters WHERE name = ?');
  const insertRow = database.prepare('INSERT INTO executed_rows (hash, execution, row, charged) VALUES (?, ?, ?, ?)');
  const executions = database.prepare(`SELECT count(*) AS times FROM executed_rows WHERE hash = ? AND (${COUNTED})`);
  const counterOf = (name: CounterName): number => Number(readCounter.get(name)?.value ?? 0);
  return {
    counterOf,
    of: (provider) => ({
      count(name, by = 1) {
        add.run(name, by);
        add.run(`${provider}.${name}`, by);
      },
    }),
    addRow(bodyHash, execution, row, charged) {
      insertRow.run(bodyHash, execution, row, charged ? 1 : 0);
    },
    executionsOf: (bodyHash) => Number(executions.get(bodyHash)?.times ?? 0),
    read(batches) {
      const counters = Object.fromEntries(COUNTERS.map((name) => [name, counterOf(name)])) as Record<
        CounterName,
        number
      >;
      return { ...counters, ...readBodies(database), providers: readProviders(database), batches };
    },
  };
}

function readProviders(database: DatabaseSync): Ledger['providers'] {
  const providers: Ledger['providers'] = {};
  for (const row of database.prepare("SELECT name, value FROM counters WHERE name LIKE '%.%' ORDER BY name").all()) {
    const [provider = '', counter] = String(row.name).split('.');
    providers[provider] = { ...providers[provider], [counter as CounterName]: Number(row.value) };
  }
  return providers;
}

function readBodies(
  database: DatabaseSync,
): Pick<Ledger, 'distinctBodies' | 'bodiesExecutedMoreThanOnce' | 'bodiesChargedMoreThanOnce'> {
  // The rows are stored in the order of their hashes, so each of these is one scan without sorting.
  const grouped = `SELECT hash, count(*) AS times, sum(charged) AS charged FROM executed_rows WHERE ${COUNTED} GROUP BY hash`;
  const totals = database
    .prepare(`SELECT count(*) AS bodies, coalesce(sum(charged > 1), 0) AS twice FROM (${grouped})`)
    .get();
  const repeated = database
    .prepare(
      `SELECT lower(hex(hash)) AS hash, times FROM (${grouped}) WHERE times > 1 ORDER BY times DESC, hash LIMIT 100`,
    )
    .all();
  return {
    distinctBodies: Number(totals?.bodies ?? 0),
    bodiesChargedMoreThanOnce: Number(totals?.twice ?? 0),
    bodiesExecutedMoreThanOnce: repeated.map((row) => ({
      bodySha256: String(row.hash),
      times: Number(row.times),
    })),
  };
}
