import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { createOffpeak, type Offpeak } from '../../src/offpeak.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Store } from '../../src/store.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { createDocumentsSource } from '../support/documents-source.ts';
import { providerNames, providerUnderTest } from '../support/providers-under-test.ts';
import { temporaryMemory, type Undo } from '../support/temporary.ts';
import { type DayPlan, minuteMs } from './plan-day.ts';
import { type Actor, createSchedule, type Fate, type Schedule } from './schedule.ts';
import { steppedProvider, steppedStore, type World } from './stepped.ts';

const leaseMs = 10 * minuteMs;
/** A loop that waits for nothing special looks again so much later at most; in the real world it is a second. */
const coarseMs = 8 * minuteMs;
/** While the lease of a machine that is gone must be seen to lapse. */
const fineMs = 10_000;
/** Any moment after which no table of prices changes. */
export const startMs = Date.UTC(2031, 0, 6);

/** A day's world: its providers, its store, and the processes on it. */
export interface Day {
  plan: DayPlan;
  random: () => number;
  schedule: Schedule;
  sandbox: Sandbox;
  world: World;
  home: string;
  /** Stores that were opened, those of the dead among them. */
  stores: Store[];
  /** A way into the tables that is nobody's. */
  tables: DatabaseSync;
  living: Set<string>;
  /** Dead, and nobody on this machine can know. */
  lostMachines: Set<string>;
  workers: Map<Actor, { stop: AbortController; ended: Promise<void> }>;
  attempted: Map<string, string[]>;
  /** Things the user has still to do. */
  open: number;
  readonly unfinished: number;
  fineUntil: number;
  deaths: number;
  deathsAllowed: boolean;
  raisesBudgets: boolean;
  violations: string[];
}

export async function openDay(undo: Undo, plan: DayPlan, random: () => number): Promise<Day> {
  const stateDir = temporaryMemory(undo, 'offpeak-provider-');
  const home = temporaryMemory(undo, 'offpeak-day-');
  const sandbox = await startSandbox({ stateDir, ...plan.sandbox });
  undo(() => sandbox.close());
  const { now } = await tellSandbox(sandbox, 0);
  sandbox.advance(startMs - Date.parse(now));
  const inside = new DatabaseSync(join(stateDir, 'sandbox.sqlite'), { readOnly: true });
  undo(() => inside.close());
  const pending = inside.prepare("SELECT count(*) AS batches FROM batches WHERE phase = 'pending'");
  const day: Day = {
    ...{ plan, random, sandbox, home, violations: [], stores: [], living: new Set(), lostMachines: new Set() },
    ...{ workers: new Map(), attempted: new Map(), open: 0, fineUntil: 0, deaths: 0 },
    ...{ deathsAllowed: true, raisesBudgets: false },
    get unfinished() {
      return Number(unfinished.get()?.runs ?? 0);
    },
    world: {
      // Ends of batches are booked before anything is run that counts how often it was run.
      before: async () => void (await tellSandbox(sandbox, 0)),
      // Batches are run in the background; the next step must find them as the same day found them before.
      after: async () => {
        while (pending.get()?.batches !== 0) await pause(1);
      },
    },
    schedule: createSchedule({
      ...{ random, startMs },
      fateOf: (actor, label) => fateOf(day, actor, label),
      onDeath: (actor) => bury(day, actor),
      onAdvance: (ms) => sandbox.advance(ms),
    }),
    tables: openTables(home),
  };
  undo(() => day.tables.close());
  const unfinished = day.tables.prepare(
    "SELECT count(*) AS runs FROM runs WHERE state <> 'ended' AND NOT (over_budget = 1 AND packed + running = 0)",
  );
  return day;
}

function openTables(home: string): DatabaseSync {
  const path = join(home, 'offpeak.db');
  void createSqliteStore({ path, owner: 'founder', isAlive: () => true }).close();
  return new DatabaseSync(path);
}

async function tellSandbox(sandbox: Sandbox, ms: number): Promise<{ now: string }> {
  const answer = await fetch(`${sandbox.url}/_sandbox/advance`, { method: 'POST', body: JSON.stringify({ ms }) });
  return (await answer.json()) as { now: string };
}

function fateOf(day: Day, actor: Actor, label: string): Fate {
  if (!day.deathsAllowed) return 'live';
  const { store, provider } = day.plan.deaths;
  if (day.random() >= (label.includes(' ') ? provider : store)) return 'live';
  // A user's command dies as well; a close is not worth it.
  if (label === 'close' || !day.living.has(actor.name)) return 'live';
  return day.random() < 0.5 ? 'dies-before' : 'dies-after';
}

/** Killed with its machine, or seen to be gone by those on the same one; after a while a new one takes its place. */
function bury(day: Day, actor: Actor): void {
  const { schedule, random } = day;
  day.deaths += 1;
  day.living.delete(actor.name);
  const worker = day.workers.get(actor);
  if (random() < 0.3) {
    day.lostMachines.add(actor.name);
    day.fineUntil = schedule.now() + 1.3 * leaseMs;
  }
  if (!worker) return;
  day.workers.delete(actor);
  const later: Actor = { name: 'undertaker', isDead: false };
  void schedule
    .clockOf(later)
    .sleep(random() * 30 * minuteMs)
    .then(() => startWorker(day, actor.name[0] ?? 'x'));
}

export interface Process {
  actor: Actor;
  offpeak: Offpeak;
  store: Store;
}

export function openProcess(day: Day, name: string): Process {
  const { schedule, random, plan } = day;
  const actor: Actor = { name: `${name}${day.stores.length}`, isDead: false };
  day.living.add(actor.name);
  const isAlive = (owner: string) => day.living.has(owner) || day.lostMachines.has(owner);
  const path = join(day.home, 'offpeak.db');
  const real = createSqliteStore({ path, owner: actor.name, isAlive, now: schedule.now });
  day.stores.push(real);
  const store = steppedStore(schedule, actor, real);
  const clock = schedule.clockOf(actor);
  const offpeak = createOffpeak({
    ...{ store, random, isAlive, leaseMs, owner: actor.name },
    providers: providerNames.map((provider) =>
      steppedProvider(schedule, actor, realProvider(day, provider, plan), day.world),
    ),
    createSource: ({ keys }) => createDocumentsSource(keys as string[]),
    clock: {
      now: clock.now,
      sleep: (ms, signal) => {
        return clock.sleep(ms === 1_000 ? idleMs(day) : ms, signal);
      },
    },
  });
  return { actor, offpeak, store: real };
}

/** Nobody promises that a sleep is not longer: a machine may be busy. */
function idleMs(day: Day): number {
  if (day.schedule.now() < day.fineUntil) return fineMs;
  return Math.ceil(day.random() * (day.unfinished > 0 ? coarseMs : 4 * coarseMs));
}

export function realProvider(day: Day, name: (typeof providerNames)[number], plan: DayPlan) {
  const limits = { maxRequests: plan.maxRequests, pollMinMs: minuteMs, pollMaxMs: 15 * minuteMs };
  return providerUnderTest(name).create({ url: day.sandbox.url, limits });
}

export function startWorker(day: Day, name: string): void {
  const { actor, offpeak } = openProcess(day, name);
  const stop = new AbortController();
  const ended = offpeak
    .worker()
    .run(stop.signal)
    .then(() => offpeak.close())
    .catch((error: unknown) => {
      day.violations.push(`worker ${actor.name} stopped: ${error instanceof Error ? error.stack : error}`);
    });
  day.workers.set(actor, { stop, ended });
}
