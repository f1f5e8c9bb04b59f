import type { RowCounts } from './batch.ts';
import type { Outcome } from './outcome.ts';
import type { ModelRequest, RequestSize } from './request.ts';

/**
 * PORT: an API adapter. Differences between providers are data here (`limits`, `batch` absent), never a test of `name`.
 *
 * Faults of the account or the line are thrown as OffpeakError: `auth`, `quota`, `rate_limited` (with `retryAfterMs`),
 * `unavailable`, `batch_unavailable`, `rejected`, `not_ready`, `outcome_unknown`, `bad_answer`. What becomes of one row
 * is an Outcome, a value. An adapter never retries by itself: the engine does, and it alone knows what was booked.
 */
export interface Provider {
  /** The part of `openai:gpt-5-mini` before the colon. */
  readonly name: string;
  /** Fingerprint of the account (address and key, hashed): a batch is only ever asked for under the one that made it. */
  readonly account: string;
  /** Answers are made up by the sandbox. */
  readonly simulated: boolean;
  /** Absent: the provider has no batch API, everything runs in realtime. */
  readonly batch?: BatchApi;
  /** The exact JSON text that will go on the wire, and the path it goes to. Pure; throws `usage` for what it cannot say. */
  toWire(request: ModelRequest): WireRequest;
  /**
   * The same request once more, with the answer that broke its schema and the validator's words behind it, so that the
   * model can mend it. Pure; undefined when the request has no place for it (embeddings, an unknown native body).
   */
  askAgain(wire: { endpoint: string; body: string }, answer: string, problem: string): string | undefined;
  /**
   * One realtime call. May be repeated: the caller knows it can be charged again. A row's own failure (400, refusal,
   * time-out of this call) is returned; the account's fault (401, no quota, nobody listening) is thrown.
   */
  call(wire: { endpoint: string; body: string }, options: CallOptions): Promise<Outcome>;
  /** Whether address and key work, for `doctor`. Costs nothing. Throws as above. */
  check(signal?: AbortSignal): Promise<ProviderCheck>;
  close?(): Promise<void>;
}

export interface WireRequest {
  /**
   * The provider's path, for example `/v1/chat/completions`. Requests of one account, model and endpoint can travel in
   * one batch; what else parts them (Anthropic's version header) stands behind a `?`.
   */
  endpoint: string;
  /** JSON text. */
  body: string;
  size: RequestSize;
  /** The provider's batch API has no such path. */
  realtimeOnly?: boolean;
}

export interface CallOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

export interface ProviderCheck {
  address: string;
  /** One line for a person: `reachable, 34 models`. */
  detail: string;
}

export interface BatchApi {
  readonly limits: BatchLimits;
  /**
   * How a batch in a listing is proved ours. `carried`: it shows the nonce, or the input file, that `create` was given.
   * `results`: the provider lets us carry nothing; only the custom ids in the results of an ended batch tell.
   */
  readonly proof: 'carried' | 'results';
  /**
   * Bytes that one request takes in the uploaded body, so that a batch is cut at the limit before it is built: those of
   * the body, those of the custom id, and as many more for each.
   */
  lineBytes(bodyBytes: number, customId: string, endpoint: string): number;
  /**
   * Streams the lines to the provider. Not idempotent, free of charge; one upload belongs to one batch. Absent: the
   * provider knows no files, and `create` carries the requests itself.
   */
  upload?(input: UploadInput): Promise<{ fileId: string; sha256: string }>;
  /**
   * Creates the batch: exactly one POST, never repeated here. Throws `outcome_unknown` when the reply was lost (reset,
   * time-out, 5xx), and any other code only when surely nothing was created. `no_room`: the account's queue is full.
   */
  create(input: CreateInput): Promise<RemoteBatch>;
  get(remoteId: string, signal?: AbortSignal): Promise<RemoteBatch>;
  /**
   * Every batch of the account, newest first, page by page to the end. Throws when a page fails: a listing that stops
   * early must never look complete.
   */
  list(signal?: AbortSignal): AsyncIterable<RemoteBatch>;
  /** Streams every result line of an ended batch, of all its files, in any order. */
  results(batch: RemoteBatch, signal?: AbortSignal): AsyncIterable<ResultLine>;
  /** Asks the provider to stop; what it finished stays. Also when it has ended already: answers the batch as it is. */
  cancel(remoteId: string, signal?: AbortSignal): Promise<RemoteBatch>;
  /** Removes an ended batch and its results at the provider. Absent where there is no such call. */
  remove?(remoteId: string, signal?: AbortSignal): Promise<void>;
}

export interface BatchLimits {
  maxRequests: number;
  maxBytes: number;
  /** Inputs of embedding requests, summed over all requests of a batch. Absent: nothing that is known. */
  maxInputs?: number;
  /** What the provider limits over all batches of an account that have not ended. Absent: nothing that is known. */
  enqueued?: EnqueuedLimit;
  /** First and longest pause between two polls. */
  pollMinMs: number;
  pollMaxMs: number;
  /** A batch is absent only after so many complete listings without it ... */
  absentListings: number;
  /** ... over at least this long. */
  absentGraceMs: number;
  /** How long the rows of a cancelled batch must stand still before it has ended. Absent: the provider says itself. */
  cancelSettlesMs?: number;
}

/** Room at an account for work that is enqueued. `most`: where it is the same for everybody; else it is learned. */
export interface EnqueuedLimit {
  unit: 'tokens' | 'requests';
  /** Counted for each model, or over all of them. */
  scope: 'model' | 'account';
  most?: number;
}

export interface UploadInput {
  /** Unique to the submission: `offpeak-<nonce>.jsonl`. */
  fileName: string;
  endpoint: string;
  requests(): AsyncIterable<{ customId: string; body: string }>;
  /** The sum of `lineBytes` over the requests. */
  bytes: number;
  signal?: AbortSignal;
}

export interface CreateInput {
  /** From `upload`; absent where the provider knows no files. */
  fileId?: string;
  endpoint: string;
  /** Proof of ownership, put where the provider lets us carry something. */
  nonce: string;
  requests(): AsyncIterable<{ customId: string; body: string }>;
  /** The sum of `lineBytes` over the requests. */
  bytes: number;
  signal?: AbortSignal;
}

/** A provider's batch in our words; `raw` status kept. */
export interface RemoteBatch {
  remoteId: string;
  /** `running`: not yet ended. `ended`: results, complete or partial, can be fetched. `refused`: nothing ran at all. */
  phase: 'running' | 'ended' | 'refused';
  rawStatus: string;
  counts?: RowCounts;
  /** What `create` was given, as far as the provider carries it. */
  nonce?: string;
  inputFileId?: string;
  resultFileIds: readonly string[];
  /**
   * What a refusal comes from. `no_room`: the account's queue is full, the same file can be submitted later.
   * `file_missing`: the provider does not see the uploaded file, or not yet. `rows`: the lines that `errors` name.
   * `batch`: something that all rows share, such as the model. `not_batched`: the same, and it may go well in realtime.
   * `provider`: it broke down itself, nobody is to blame.
   */
  refusal?: 'no_room' | 'file_missing' | 'rows' | 'batch' | 'not_batched' | 'provider';
  /** Why it was refused; `line` is 1-based in the uploaded body. */
  errors: readonly { code: string; message: string; line?: number }[];
  /** With `no_room`: the limit that the provider names, in the unit of `limits.enqueued`. */
  limit?: number;
  /** Where the provider says so; for batches that somebody else submitted. */
  model?: string;
  createdAt?: number;
  endedAt?: number;
  expiresAt?: number;
}

/** One line of a result file. `customId` is absent when the line is not readable. */
export interface ResultLine {
  customId?: string;
  outcome: Outcome;
  /** The model that the provider names in its answer. */
  model?: string;
  /** The line as it came, at most 64 KiB of it: kept when it matches nothing that was sent. */
  raw: string;
}

/** `openai:gpt-5-mini` -> provider and model; the model may contain colons (`ollama:llama3.2:latest`). */
export function parseModel(text: string): { provider: string; model: string } | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) return undefined;
  return { provider: text.slice(0, colon), model: text.slice(colon + 1) };
}
