import type { Undo } from '../support/temporary.ts';
import { type CaseReport, type CrashCase, nameOf, runCase } from './crash-case.ts';
import { pairsOf, pointsOf, type Way, ways } from './crash-points.ts';

export interface MatrixOptions {
  seeds: number;
  /** `all`: every ordered pair of the later points; else so many of each way, drawn evenly. */
  pairs: 'all' | number;
  /** Runs of each way that are killed at random moments. */
  randomRuns: number;
  only?: readonly Way[];
}

export const shortForm: MatrixOptions = { seeds: 1, pairs: 12, randomRuns: 2 };
export const wholeForm: MatrixOptions = { seeds: 5, pairs: 'all', randomRuns: 40 };

/** Longer than any run of the matrix takes that nobody kills. */
const randomWithinMs = 700;

/** Every point x every way x every seed, the double faults, and kills at random moments. */
export function matrixCases({ seeds, pairs, randomRuns, only = ways }: MatrixOptions): CrashCase[] {
  const seedList = Array.from({ length: seeds }, (_, i) => i + 1);
  return only.flatMap((way) => [
    ...pointsOf(way).flatMap((point) => seedList.map((seed) => ({ way, seed, kills: [point] }))),
    // Later rows and calls: the first pass of a point is not like the others.
    ...lateKills(way).flatMap((kill) => seedList.map((seed) => ({ way, seed, kills: [kill], mayMiss: seed > 1 }))),
    ...sample(pairsOf(way), pairs).map((kills, i) => ({ way, seed: (i % 5) + 1, kills, mayMiss: true })),
    ...Array.from({ length: randomRuns }, (_, i) => ({
      ...{ way, seed: i + 1, kills: [] },
      randomKills: { count: 1 + (i % 4), withinMs: randomWithinMs },
      mayMiss: true,
    })),
  ]);
}

function lateKills(way: Way): string[] {
  return way === 'realtime' ? ['C15:12', 'C16:12'] : ['C14:15'];
}

/** Evenly spread, so that the short form meets first and second points of all kinds. */
function sample<T>(all: readonly T[], count: 'all' | number): T[] {
  if (count === 'all' || count >= all.length) return [...all];
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)] as T);
}

export interface WayTotals {
  cases: number;
  kills: number;
  missed: number;
  lost: number;
  duplicated: number;
  unexpected: number;
  paidTwice: number;
  paidAgain: number;
  recovered: number;
  violated: number;
  seconds: number;
}

const none: WayTotals = {
  ...{ cases: 0, kills: 0, missed: 0, lost: 0, duplicated: 0, unexpected: 0 },
  ...{ paidTwice: 0, paidAgain: 0, recovered: 0, violated: 0, seconds: 0 },
};

/** Runs the cases, `parallel` at a time, and adds up by way. */
export async function runMatrix(
  cases: readonly CrashCase[],
  parallel: number,
  onCase: (report: CaseReport) => void,
): Promise<Map<Way, WayTotals>> {
  const totals = new Map<Way, WayTotals>();
  let next = 0;
  const lane = async () => {
    for (let given = cases[next++]; given; given = cases[next++]) {
      const report = await attempt(given);
      onCase(report);
      totals.set(given.way, addUp(totals.get(given.way) ?? none, report));
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return totals;
}

async function attempt(given: CrashCase): Promise<CaseReport> {
  const undone: Parameters<Undo>[0][] = [];
  const started = performance.now();
  try {
    return await runCase((step) => void undone.push(step), given);
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const verdict = { lost: 0, duplicated: 0, unexpected: 0, recovered: 0, paidTwice: 0, paidAgain: 0, violations: [] };
    const milliseconds = performance.now() - started;
    return { name: nameOf(given), kills: 0, missed: 0, verdict, violations: [words], milliseconds };
  } finally {
    for (const step of undone.reverse()) await step();
  }
}

function addUp(totals: WayTotals, { verdict, violations, kills, missed, milliseconds }: CaseReport): WayTotals {
  return {
    cases: totals.cases + 1,
    kills: totals.kills + kills,
    missed: totals.missed + missed,
    lost: totals.lost + verdict.lost,
    duplicated: totals.duplicated + verdict.duplicated,
    unexpected: totals.unexpected + verdict.unexpected,
    paidTwice: totals.paidTwice + verdict.paidTwice,
    paidAgain: totals.paidAgain + verdict.paidAgain,
    recovered: totals.recovered + verdict.recovered,
    violated: totals.violated + (violations.length > 0 ? 1 : 0),
    seconds: totals.seconds + milliseconds / 1000,
  };
}

const columns: readonly (readonly [string, (totals: WayTotals) => number])[] = [
  ['runs', ({ cases }) => cases],
  ['kills', ({ kills }) => kills],
  ['lost', ({ lost }) => lost],
  ['duplicated', ({ duplicated }) => duplicated],
  ['unexpected', ({ unexpected }) => unexpected],
  ['paid twice', ({ paidTwice }) => paidTwice],
  ['paid again, on record', ({ paidAgain }) => paidAgain],
  ['recovered', ({ recovered }) => recovered],
  ['violated', ({ violated }) => violated],
  ['s of work', ({ seconds }) => Math.round(seconds)],
];

/** One line for each way, one for all. */
export function tableOf(totals: ReadonlyMap<Way, WayTotals>): string {
  const sum = [...totals.values()].reduce<WayTotals>(
    (all, way) =>
      Object.fromEntries(
        Object.entries(all).map(([name, value]) => [name, value + way[name as keyof WayTotals]]),
      ) as unknown as WayTotals,
    none,
  );
  const lines: [string, WayTotals][] = [...totals, ['all', sum]];
  const header = `${''.padEnd(10)}${columns.map(([title]) => title.padStart(title.length + 2)).join('')}`;
  const rows = lines.map(
    ([name, way]) =>
      name.padEnd(10) + columns.map(([title, value]) => String(value(way)).padStart(title.length + 2)).join(''),
  );
  return [header, ...rows].join('\n');
}
