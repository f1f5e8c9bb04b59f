import { mkdirSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type Blobs, createBlobs } from './blobs.ts';
import { createClock, type SandboxClock } from './clock.ts';
import { createSettings, inTransaction, openDatabase } from './database.ts';
import type { FaultPlan } from './fault-plan.ts';
import { createFaults, type Faults } from './faults.ts';
import { createLedgerBook, type LedgerBook } from './ledger.ts';
import type { Delays } from './openai/batch-record.ts';
import { type BatchStore, createBatchStore } from './openai/batch-store.ts';
import { createFileStore, type FileStore } from './openai/file-store.ts';

/** The options of a sandbox with every default filled in. */
export interface SandboxSettings {
  seed: number;
  delays: Delays;
  limits: { maxFileBytes: number; maxRequests: number; enqueuedTokens: number };
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

/** Forgets files, batches, ledger and faults. Time goes on. */
export function resetState(state: SandboxState): void {
  inTransaction(state.database, () => {
    for (const table of ['files', 'batches', 'executions', 'executed_rows', 'counters', 'fault_counts']) {
      state.database.exec(`DELETE FROM ${table}`);
    }
  });
  state.faults.setPlan({});
  state.blobs.removeAll();
}
