/** How long each phase of a batch takes, in sandbox milliseconds. */
export interface Delays {
  validatingMs: number;
  /** Added to `inProgressMs` for every row. */
  perRowMs: number;
  inProgressMs: number;
  finalizingMs: number;
  cancellingMs: number;
}

/** One entry of a failed batch's `errors.data` (contract section 1.7). */
export interface BatchError {
  code: string;
  line: number | null;
  message: string;
  param: string | null;
}

/** Sums over executed rows. */
export interface RowTotals {
  completed: number;
  failed: number;
  inputTokens: number;
  outputTokens: number;
  chargedNanoUsd: number;
  charged: number;
  unpriced: number;
}

/**
 * Where a batch stands inside the sandbox. `pending`: not executed yet. `executed`: all answers are spooled, and time
 * decides which of them the client gets. `settled`: the end is reached, files and ledger are written. `failed`: refused.
 */
export type Phase = 'pending' | 'executed' | 'settled' | 'failed';

/** All the sandbox knows about a batch. What the client sees is computed from it and the clock. */
export interface BatchRecord {
  id: string;
  account: string;
  endpoint: string;
  inputFileId: string;
  completionWindow: string;
  metadata: Record<string, string> | null;
  outputExpiresSeconds: number | null;
  createdMs: number;
  delays: Delays;
  phase: Phase;
  model: string | null;
  rows: number;
  /** Estimated prompt tokens of all rows: what it takes of the queue limit. */
  tokens: number;
  /** Names the spool files of the execution that counts. */
  spool: string | null;
  errors: BatchError[] | null;
  cancelledAtMs: number | null;
  /** Rows finished when the cancel came; no more are delivered. */
  rowsAtCancel: number;
  outputFileId: string | null;
  errorFileId: string | null;
  totals: RowTotals | null;
  /** Faults decided when the batch was created. */
  expireFraction: number | null;
  forcedErrors: BatchError[] | null;
  tokenLimit: boolean;
}
