import type { JobCounts } from './job.ts';
import { unfinishedOf } from './job.ts';

/** What a user submits and watches: many jobs under one id. */

/** `batch`: by the provider's batch API. `realtime`: call by call. `auto`: batch where the provider has one. */
export const runModes = ['auto', 'batch', 'realtime'] as const;
export type RunMode = (typeof runModes)[number];

export const runStates = ['open', 'running', 'cancelling', 'ended'] as const;
/** `open`: items are still being read. `running`: all are in. `ended`: every job has ended. */
export type RunState = (typeof runStates)[number];

/**
 * The allowed moves of a run; any other request leaves it as it is. A cancel is not taken back by somebody who reads the
 * source or seals the run meanwhile; an ended run is opened again only by a person who asks for more.
 */
export const runMoves: Readonly<Record<RunState, readonly RunState[]>> = {
  open: ['running', 'cancelling'],
  running: ['open', 'cancelling', 'ended'],
  cancelling: ['ended'],
  ended: ['open', 'running'],
};

/** A description that any worker can rebuild the thing from; `type` names it, the rest are its options. */
export type Description = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Run {
  id: string;
  name?: string;
  /** The job type, where this is one filling of a service's queue: while it is open, its jobs are held. */
  queue?: string;
  /** Same source, recipe, model and options = same fingerprint: asking again goes on with this run. */
  fingerprint: string;
  state: RunState;
  mode: RunMode;
  provider: string;
  model: string;
  priority: number;
  /** Attempts a job may use. */
  maxAttempts: number;
  /** Realtime calls in flight at once. */
  concurrency: number;
  /** Realtime time-out of one call. */
  timeoutMs: number;
  /** Answered by the sandbox: made up, and marked so wherever it is shown. */
  simulated: boolean;
  /** Send everything, reuse no earlier answer. */
  fresh: boolean;
  /** A batch of one row goes first, so that the others read the prefix they share from the provider's cache. */
  primeCache: boolean;
  /** When the results are needed; what a batch would bring too late runs in realtime. */
  deadlineAt?: number;
  /** The most that may be spent, in nano-dollars: never exceeded, what does not fit waits. */
  budgetNanoUsd?: number;
  /** Part of the budget that is held for what is under way. */
  reservedNanoUsd: number;
  /** The next job does not fit into what is left of the budget. */
  isOverBudget: boolean;
  /** Where the results go when the run has ended, whichever command ends it. */
  output?: { path: string; format: string };
  recipe: Description;
  source: Description;
  /** Why the run left the batch API, when it did. */
  note?: string;
  createdAt: number;
  endedAt?: number;
  counts: JobCounts;
  /** Jobs whose result was taken from an earlier run; part of `counts.succeeded`. */
  reused: number;
  usage: { inputTokens: number; outputTokens: number; cachedTokens: number };
  /** What the reused results cost when they were made: money not spent. */
  reusedNanoUsd: number;
  /** Money charged, in thousand-millionths of a dollar; undefined when the model's price is unknown. */
  costNanoUsd?: number;
  /** What the same tokens would have cost in realtime. */
  realtimeNanoUsd?: number;
}

/** The state a run shows, from its record. */
export function runEnded(run: Pick<Run, 'state' | 'counts'>): boolean {
  return run.state !== 'open' && unfinishedOf(run.counts) === 0;
}
