/** How long each phase of a batch takes, in sandbox milliseconds. */
export interface Delays {
  validatingMs: number;
  /** Added to `inProgressMs` for every row. */
  perRowMs: number;
  inProgressMs: number;
  finalizingMs: number;
  cancellingMs: number;
}

/** Why a whole batch failed; the fields are those of OpenAI (contract section 1.7), others use what they have. */
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

/**
 * All the sandbox knows about a batch of any provider, as JSON. What the client sees is computed from it and the clock.
 * `Details` is what only its own provider understands.
 */
export interface BatchRecord<Details = unknown> {
  id: string;
  /** The name of its dialect. */
  provider: string;
  account: string;
  createdMs: number;
  delays: Delays;
  /** Unfinished so long after its creation, it expires. */
  windowMs: number;
  /** Whether rows that were finished when it expired or was cancelled are delivered. */
  keepsFinished: boolean;
  phase: Phase;
  /** The one model of all rows, where the provider wants one. */
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
  totals: RowTotals | null;
  /** Deleted by the client: no call finds it again, the ledger still does. */
  removed: boolean;
  /** Faults decided when the batch was created. */
  expireFraction: number | null;
  forcedErrors: BatchError[] | null;
  details: Details;
}

type Given = 'id' | 'provider' | 'account' | 'createdMs' | 'delays' | 'windowMs' | 'details';

/** A batch that was just created. */
export function newBatchRecord<Details>(
  given: Pick<BatchRecord<Details>, Given> & Partial<BatchRecord<Details>>,
): BatchRecord<Details> {
  return {
    keepsFinished: true,
    phase: 'pending',
    model: null,
    rows: 0,
    tokens: 0,
    spool: null,
    errors: null,
    cancelledAtMs: null,
    rowsAtCancel: 0,
    totals: null,
    removed: false,
    expireFraction: null,
    forcedErrors: null,
    ...given,
  };
}
