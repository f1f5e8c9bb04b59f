/** The provider's remote object that holds many jobs' requests, and our record of it. */

export const batchStates = [
  'packing',
  'packed',
  'submitting',
  'unknown',
  'in_progress',
  'ended',
  'collecting',
  'collected',
  'failed',
  'abandoned',
] as const;
export type BatchState = (typeof batchStates)[number];

/**
 * The allowed moves of a batch.
 * `packing`: jobs are being claimed into it, in small transactions; nothing was sent. `packed`: sealed.
 * `submitting`: a create may be on its way. `unknown`: a create was sent and its reply lost: reconcile before anything.
 * `failed`: the provider refused the whole batch, its jobs went back. `abandoned`: given up before anything was created.
 */
export const batchMoves: Readonly<Record<BatchState, readonly BatchState[]>> = {
  packing: ['packed', 'abandoned'],
  packed: ['submitting', 'failed', 'abandoned'],
  submitting: ['in_progress', 'unknown', 'packed', 'failed'],
  unknown: ['in_progress', 'packed', 'failed'],
  in_progress: ['ended', 'failed', 'packed'],
  ended: ['collecting'],
  collecting: ['collected'],
  collected: [],
  failed: [],
  abandoned: [],
};

export function canMoveBatch(from: BatchState, to: BatchState): boolean {
  return batchMoves[from].includes(to);
}

/** States in which a worker has something to do for the batch, now or later. */
export const openBatchStates: readonly BatchState[] = batchStates.filter((state) => batchMoves[state].length > 0);

export function isOpenBatch(state: BatchState): boolean {
  return batchMoves[state].length > 0;
}

export interface RowCounts {
  total: number;
  succeeded: number;
  failed: number;
}

export interface Batch {
  id: number;
  runId: string;
  laneId: number;
  provider: string;
  /** Fingerprint of the provider account that made it; only the same account may ask for it. */
  account: string;
  model: string;
  endpoint: string;
  state: BatchState;
  nonce: string;
  /** It warms the provider's cache for the others of its lane, and holds one request. */
  isPrimer: boolean;
  requests: number;
  /** Estimated input tokens of all its requests. */
  tokens: number;
  /** Size of the body that is uploaded. */
  bytes: number;
  /** Texts of all its embedding requests. */
  inputs: number;
  /** SHA-256 of the uploaded body, hexadecimal. */
  sha256?: string;
  remoteId?: string;
  inputFileId?: string;
  /** The provider's own word for its state. */
  rawStatus?: string;
  /** The provider's own counts. */
  counts?: RowCounts;
  /** Result lines that could not be matched to an attempt. */
  quarantined: number;
  /** Grows with every claim; a write that carries an older one changes nothing. */
  generation: number;
  /** When a worker should look at it next. */
  nextAt: number;
  /** Times in a row that the current step was tried or polled; drives the interval. */
  tries: number;
  /** Times that the provider has refused it whole. */
  refusals: number;
  /** Times in a row that the provider did not know it, or its results. */
  notFound: number;
  /** Complete listings that it was absent from, and since when; later, complete readings that rows were absent from. */
  absences: number;
  absentSince?: number;
  /** Somebody wants its end: what it holds is stopped, what it finished is kept. */
  cancelWanted: boolean;
  /** The provider was asked to stop it. */
  cancelRequested: boolean;
  /** Its unfinished jobs were sent in realtime too, because the deadline demanded it. */
  hedged: boolean;
  errorCode?: string;
  errorMessage?: string;
  createdAt: number;
  submittedAt?: number;
  endedAt?: number;
  expiresAt?: number;
}
