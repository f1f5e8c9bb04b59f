import { isOffpeakError, messageOf } from '../errors.ts';
import type { FailedOutcome, Outcome } from '../outcome.ts';
import type { Run } from '../run.ts';
import type { BookRow, ClaimedJob, Lane } from '../store-rows.ts';
import { boundOf } from './budget.ts';
import { toBookedJob } from './collect.ts';
import { backoffMs, type Engine, providerOf } from './engine.ts';
import { judge } from './retry.ts';

/** One lane's calls in this worker: how many are under way, and until when the lane rests. */
export interface RealtimeLane {
  inFlight: Set<Promise<void>>;
  restsUntil: number;
  /** Calls in a row that found nobody. */
  unavailable: number;
}

export function createRealtimeLane(): RealtimeLane {
  return { inFlight: new Set(), restsUntil: 0, unavailable: 0 };
}

/** Starts as many calls as there is room for; returns how many. Each ends by itself and tells `onEnd`. */
export async function startCalls(
  engine: Engine,
  lane: Lane,
  state: RealtimeLane,
  run: Run,
  signal: AbortSignal,
  onEnd: (error?: unknown) => void,
): Promise<number> {
  const now = engine.clock.now();
  if (state.restsUntil > now) return 0;
  const most = lane.mode === 'sequential' ? 1 : run.concurrency;
  const room = most - state.inFlight.size;
  if (room <= 0) return 0;
  const owner = { owner: engine.owner, now, leaseMs: engine.leaseMs };
  const jobs = await engine.store.claimJobs(lane.id, room, owner, boundOf(engine, lane, false));
  for (const job of jobs) {
    engine.emit({ type: 'call', job: job.job, key: job.key, startedAt: now });
    const task = call(engine, lane, state, run, job, signal)
      .then(() => onEnd(), onEnd)
      .finally(() => state.inFlight.delete(task));
    state.inFlight.add(task);
  }
  return jobs.length;
}

async function call(
  engine: Engine,
  lane: Lane,
  state: RealtimeLane,
  run: Run,
  job: ClaimedJob,
  signal: AbortSignal,
): Promise<void> {
  const provider = providerOf(engine, lane.account);
  const startedAt = engine.clock.now();
  let outcome: Outcome;
  try {
    outcome = await provider.call({ endpoint: job.endpoint, body: job.body }, { timeoutMs: run.timeoutMs, signal });
    state.unavailable = 0;
  } catch (error) {
    await giveBack(engine, state, job, error, signal);
    return;
  }
  engine.crashpoint('C15');
  const row = isThrottled(outcome)
    ? throttled(engine, state, job, outcome)
    : await judged(engine, lane, run, job, outcome);
  if (lane.mode === 'sequential') rest(state, engine.clock.now() + engine.sequentialPauseMs);
  await bookEnd(engine, row);
  engine.crashpoint('C16');
  if (row.outcome !== 'returned') engine.emit({ type: 'booked', rows: [toBookedJob(row, startedAt)] });
}

async function judged(engine: Engine, lane: Lane, run: Run, job: ClaimedJob, outcome: Outcome): Promise<BookRow> {
  const current = await engine.store.getRun(run.id);
  const row = judge(engine, { job: job.job, attempt: job.attempt }, outcome, {
    recipe: engine.createRecipe(run.recipe),
    price: engine.priceOf(lane.provider, lane.model),
    inBatch: false,
    cancelling: current?.state === 'cancelling',
  });
  if (outcome.type === 'succeeded' && row.next === 'retry') {
    const correction = providerOf(engine, lane.account).askAgain(job, outcome.output, row.errorMessage ?? '');
    if (correction !== undefined) row.correction = correction;
  }
  return row;
}

/** Times that the end of a call is offered to a store that cannot take it now: locked, or its disk full. */
const bookTries = 10;

async function bookEnd(engine: Engine, row: BookRow): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await engine.store.book([row], undefined);
      return;
    } catch (error) {
      if (!isOffpeakError(error) || !error.retryable || tries === bookTries) throw error;
      engine.emit({ type: 'note', message: `${error.message} What became of the call is kept; trying again.` });
      await engine.clock.sleep(1_000);
    }
  }
}

function isThrottled(outcome: Outcome): outcome is FailedOutcome {
  return outcome.type === 'failed' && outcome.code === 'rate_limited';
}

/** Too many calls is not the job's fault: it was not run, the attempt does not count, and the lane rests. */
function throttled(engine: Engine, state: RealtimeLane, job: ClaimedJob, outcome: FailedOutcome): BookRow {
  const now = engine.clock.now();
  state.unavailable += 1;
  const pause = outcome.retryAfterMs ?? backoffMs(engine.retry, state.unavailable, engine.random);
  rest(state, now + pause);
  engine.emit({ type: 'note', message: `the provider asks us to slow down; waiting ${Math.ceil(pause / 1000)} s` });
  return { job: job.job, attempt: job.attempt, outcome: 'returned', next: 'queued', at: now, availableAt: now + pause };
}

/** The account's or the line's fault: the job goes back and loses no attempt. */
async function giveBack(
  engine: Engine,
  state: RealtimeLane,
  job: ClaimedJob,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const now = engine.clock.now();
  // A call that was broken off may have been answered, and charged: its attempt stays on record.
  const outcome = signal.aborted ? 'lost' : 'returned';
  await bookEnd(engine, { job: job.job, attempt: job.attempt, outcome, next: 'queued', at: now });
  if (signal.aborted) return;
  if (!isOffpeakError(error, 'unavailable', 'rate_limited', 'bad_answer')) throw error;
  // Calls that were in flight together meet the same outage: it counts once.
  if (state.restsUntil > now) return;
  state.unavailable += 1;
  if (state.unavailable >= engine.maxUnavailable) throw error;
  const pause = Math.max(error.retryAfterMs ?? 0, backoffMs(engine.retry, state.unavailable, engine.random));
  rest(state, now + pause);
  engine.emit({ type: 'note', message: `${messageOf(error)}; trying again in ${Math.ceil(pause / 1000)} s` });
}

function rest(state: RealtimeLane, until: number): void {
  state.restsUntil = Math.max(state.restsUntil, until);
}
