import type { Clock } from '../../src/clock.ts';
import type { Random } from '../../src/ids.ts';

/** One process of the simulation: a worker, or a command of the user. Dead, it is never heard of again. */
export interface Actor {
  readonly name: string;
  isDead: boolean;
}

/** What may befall an actor at a step: killed before it is done, or after it was done and before it hears of it. */
export type Fate = 'live' | 'dies-before' | 'dies-after';

export interface ScheduleOptions {
  random: Random;
  /** Virtual time at the beginning. */
  startMs: number;
  fateOf: (actor: Actor, label: string) => Fate;
  onDeath: (actor: Actor, label: string) => void;
  /** Time has moved: the provider's clock goes with it. */
  onAdvance: (ms: number) => void;
}

/**
 * Runs everything that happens one step after the other, in an order drawn from the seed: what the store is told, what a
 * provider is asked, who wakes up. No two processes do anything at the same moment, so the same seed is the same day.
 */
export interface Schedule {
  now(): number;
  clockOf(actor: Actor): Clock;
  /** The work is done when its turn comes, unless its actor has died; then the promise never settles. */
  step<T>(actor: Actor, label: string, work: () => Promise<T>): Promise<T>;
  /** Lets things happen until the condition holds; false when it does not within so much virtual time. */
  runUntil(isDone: () => boolean, maxMs: number): Promise<boolean>;
  kill(actor: Actor): void;
  /** So many steps were taken; and a sum over all of them, the same for the same day. */
  readonly steps: number;
  readonly trace: number;
}

interface Step {
  actor: Actor;
  label: string;
  take: () => Promise<() => void>;
}

interface Sleeper {
  actor: Actor;
  at: number;
  wake: () => void;
}

/** Between two steps everybody gets to the next thing that has to wait: calls of an embedded store pause for a turn. */
const settlingTurns = 3;
/** In real time: providers answer at once here. */
const longestStepMs = 20_000;

export function createSchedule(options: ScheduleOptions): Schedule {
  const { random } = options;
  let now = options.startMs;
  let steps = 0;
  let trace = 0;
  let waiting: Step[] = [];
  let sleepers: Sleeper[] = [];

  const note = (words: string) => {
    steps += 1;
    for (let i = 0; i < words.length; i++) trace = (Math.imul(trace, 31) + words.charCodeAt(i)) | 0;
  };

  const kill = (actor: Actor) => {
    actor.isDead = true;
    waiting = waiting.filter((step) => step.actor !== actor);
    sleepers = sleepers.filter((sleeper) => sleeper.actor !== actor);
  };

  const takeStep = async () => {
    const [step] = waiting.splice(Math.floor(random() * waiting.length), 1);
    if (!step) return;
    const { actor, label, take } = step;
    note(`${actor.name} ${label} ${now}`);
    const fate = options.fateOf(actor, label);
    if (fate !== 'dies-before') {
      const tell = await inTime(take(), `${actor.name} ${label}`);
      if (fate === 'live') return tell();
    }
    kill(actor);
    options.onDeath(actor, label);
  };

  const inTime = async <T>(work: Promise<T>, label: string): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const words = `a step hangs: ${label}, after ${steps} steps`;
      timer = setTimeout(() => reject(new Error(words)), longestStepMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };

  const wakeNext = (endMs: number): boolean => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (!first || sleeper.at < first.at) first = sleeper;
    if (!first || first.at > endMs) return false;
    if (first.at > now) {
      options.onAdvance(first.at - now);
      now = first.at;
    }
    const { at } = first;
    const due = sleepers.filter((sleeper) => sleeper.at <= at);
    sleepers = sleepers.filter((sleeper) => sleeper.at > at);
    for (const { wake } of due) wake();
    return true;
  };

  return {
    now: () => now,
    clockOf: (actor) => ({
      now: () => now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted && !actor.isDead) return resolve();
          if (actor.isDead) return;
          const wake = () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          };
          const sleeper = { actor, at: now + Math.ceil(Math.max(ms, 0)), wake };
          const abort = () => {
            sleepers = sleepers.filter((other) => other !== sleeper);
            if (!actor.isDead) wake();
          };
          sleepers.push(sleeper);
          signal?.addEventListener('abort', abort, { once: true });
        }),
    }),
    step: (actor, label, work) =>
      new Promise((resolve, reject) => {
        if (actor.isDead) return;
        const take = () =>
          work().then(
            (value) => () => resolve(value),
            (error: unknown) => () => reject(error),
          );
        waiting.push({ actor, label, take });
      }),
    async runUntil(isDone, maxMs) {
      const endMs = now + maxMs;
      for (;;) {
        for (let i = 0; i < settlingTurns; i++) await new Promise((resolve) => setImmediate(resolve));
        if (isDone()) return true;
        if (waiting.length > 0) await takeStep();
        else if (!wakeNext(endMs)) return false;
      }
    },
    kill,
    get steps() {
      return steps;
    },
    get trace() {
      return trace;
    },
  };
}
