import { mkdirSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { Delays } from './batches/batch-record.ts';
import { type BatchStore, createBatchStore } from './batches/batch-store.ts';
import { type Blobs, createBlobs } from './blobs.ts';
import { createClock, type SandboxClock } from './clock.ts';
import { createSettings, inTransaction, openDatabase, tablesOf } from './database.ts';
import type { FaultPlan } from './fault-plan.ts';
import { createFaults, type Faults } from './faults.ts';
import { createLedgerBook, type LedgerBook } from './ledger.ts';
import { createFileStore, type FileStore } from './openai/file-store.ts';

/** What the providers refuse more of; see `SandboxOptions.limits`. */
export interface SandboxLimits {
  maxFileBytes: number;
  maxRequests: number;
  enqueuedTokens: number;
  anthropicBatchBytes: number;
  anthropicBatchRequests: number;
  queuedRequests: number;
  geminiInlineBytes: number;
  geminiFileBytes: number;
}

/** The options of a sandbox with every default filled in. */
export interface SandboxSettings {
  seed: number;
  delays: Delays;
  limits: SandboxLimits;
  /** See `SandboxOptions.checksRowsAtCreate`. */
  checksRowsAtCreate: boolean;
  realtimeDelayMs: number;
  batchApi: boolean;
}

/** Everything a handler may need; one per open sandbox. */
export interface SandboxState {
  settings: SandboxSettings;
  database: DatabaseSync;
  clock: SandboxClock;
  blobs: Blobs;
  faults: Faults;
  ledger: LedgerBook;
  files: FileStore;
  batches: BatchStore;
}

export async function openState(
  stateDir: string,
  settings: SandboxSettings,
  start: { timeScale: number | undefined; faults: FaultPlan | undefined },
): Promise<SandboxState> {
  mkdirSync(stateDir, { recursive: true });
  const database = await openDatabase(stateDir);
  const stored = createSettings(database);
  const faults = createFaults(database, stored, settings.seed);
  if (start.faults !== undefined) faults.setPlan(start.faults);
  return {
    settings,
    database,
    faults,
    clock: createClock(database, stored, start.timeScale),
    blobs: createBlobs(stateDir),
    ledger: createLedgerBook(database),
    files: createFileStore(database),
    batches: createBatchStore(database),
  };
}

/** Forgets files, batches, ledger, faults, and what is in the tables of providers. Time goes on. */
export function resetState(state: SandboxState): void {
  inTransaction(state.database, () => {
    for (const table of tablesOf(state.database)) {
      if (table !== 'settings') state.database.exec(`DELETE FROM ${table}`);
    }
  });
  state.faults.setPlan({});
  state.blobs.removeAll();
}
