import type { DatabaseSync } from 'node:sqlite';
import { starOf } from './call.ts';
import { inTransaction, type Settings } from './database.ts';
import type { FaultPlan, RouteAction, RowFault } from './fault-plan.ts';
import { hash32, seededRandom } from './random.ts';

/** The plan in force, with its counts, shared by every process on one state folder. */
export interface Faults {
  setPlan(plan: FaultPlan): void;
  /** The plan with `matched` and `fired` beside every fault. */
  report(): { routes: unknown[]; rows: unknown[] };
  /** The action to take on this call, if any; counts the call. */
  forCall(method: string, path: string): RouteAction | undefined;
  /** Row faults by their position in the plan, which is the name they are counted under. */
  rows(): { version: number; faults: RowFault[] };
  countRows(version: number, fired: ReadonlyMap<number, number>): void;
}

interface ActivePlan {
  version: number;
  plan: FaultPlan;
}

const PLAN_KEY = 'fault-plan';
const EMPTY: ActivePlan = { version: 0, plan: {} };

export function createFaults(database: DatabaseSync, settings: Settings, seed: number): Faults {
  let cachedText: string | undefined;
  let cached: ActivePlan = EMPTY;
  const active = (): ActivePlan => {
    const text = settings.get(PLAN_KEY);
    if (text !== cachedText) {
      cachedText = text;
      cached = text === undefined ? EMPTY : (JSON.parse(text) as ActivePlan);
    }
    return cached;
  };
  const readCounts = database.prepare(
    'SELECT matched, fired FROM fault_counts WHERE version = ? AND kind = ? AND position = ?',
  );
  const addCounts = database.prepare(
    `INSERT INTO fault_counts (version, kind, position, matched, fired) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (version, kind, position) DO UPDATE SET matched = matched + excluded.matched, fired = fired + excluded.fired`,
  );
  const countsOf = (version: number, kind: string, position: number): { matched: number; fired: number } => {
    const row = readCounts.get(version, kind, position);
    return { matched: Number(row?.matched ?? 0), fired: Number(row?.fired ?? 0) };
  };
  return {
    setPlan(plan) {
      inTransaction(database, () => {
        const version = active().version + 1;
        // JSON turns `Infinity` into null, which is how "every time" is written.
        settings.set(PLAN_KEY, JSON.stringify({ version, plan }));
      });
    },
    report() {
      const { version, plan } = active();
      const withCounts =
        (kind: string) =>
        (fault: object, i: number): unknown => ({ ...fault, ...countsOf(version, kind, i) });
      return {
        routes: (plan.routes ?? []).map(withCounts('route')),
        rows: (plan.rows ?? []).map(withCounts('row')),
      };
    },
    forCall(method, path) {
      const { version, plan } = active();
      const matching = (plan.routes ?? []).map((fault, position) => ({ fault, position }));
      const hits = matching.filter(({ fault }) => fault.method === method && pathMatches(fault.path, path));
      if (hits.length === 0) return undefined;
      return inTransaction(database, () => {
        let action: RouteAction | undefined;
        for (const { fault, position } of hits) {
          const { matched, fired } = countsOf(version, 'route', position);
          const times = fault.times === undefined ? 1 : (fault.times ?? Number.POSITIVE_INFINITY);
          const due =
            fault.probability === undefined
              ? matched >= (fault.skip ?? 0) && fired < times
              : seededRandom(hash32(`${position}:${matched}`, seed))() < fault.probability;
          // Several faults on one route take turns: only the first that is due fires, the others stay due.
          const fires = due && action === undefined;
          if (fires) action = fault.fault;
          addCounts.run(version, 'route', position, 1, fires ? 1 : 0);
        }
        return action;
      });
    },
    rows() {
      const { version, plan } = active();
      return { version, faults: plan.rows ?? [] };
    },
    countRows(version, fired) {
      for (const [position, count] of fired) addCounts.run(version, 'row', position, count, count);
    },
  };
}

function pathMatches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((segment, i) => starOf(segment, given[i] ?? '') !== undefined);
}
