import type { RowAction, RowFault, RowMatch } from './fault-plan.ts';
import { hash32, seededRandom } from './random.ts';

/** What a row fault may look at. */
export interface RowFacts {
  customId: string;
  bodyText: string;
  bodyHash: Buffer;
  /** 1-based line in the file, or number of the realtime call. */
  position: number;
}

/** Finds the fault of a row and counts what it found. */
export interface RowFaultPicker {
  pick(row: RowFacts): RowAction | undefined;
  readonly fired: ReadonlyMap<number, number>;
}

/** `executionsOf` answers how often a body was executed before; it is only asked when a fault needs it. */
export function createRowFaultPicker(
  faults: readonly RowFault[],
  seed: number,
  executionsOf: (bodyHash: Buffer) => number,
): RowFaultPicker {
  const fired = new Map<number, number>();
  const seen = new Map<string, number>();
  const needsAttempt = faults.some(({ match }) => match.attempt !== undefined || match.probability !== undefined);
  const escaped = faults.map(({ match }) =>
    match.contains === undefined ? undefined : JSON.stringify(match.contains).slice(1, -1),
  );
  const attemptOf = (bodyHash: Buffer): number => {
    const key = bodyHash.toString('base64');
    const inThisRun = (seen.get(key) ?? 0) + 1;
    seen.set(key, inThisRun);
    return executionsOf(bodyHash) + inThisRun;
  };
  return {
    fired,
    pick(row) {
      if (faults.length === 0) return undefined;
      const attempt = needsAttempt ? attemptOf(row.bodyHash) : 1;
      for (const [position, { match, fault }] of faults.entries()) {
        if (!matches(match, escaped[position], row, attempt)) continue;
        if (match.probability !== undefined) {
          const start = hash32(`${position}:${attempt}:${row.bodyHash.toString('base64')}`, seed);
          if (seededRandom(start)() >= match.probability) continue;
        }
        fired.set(position, (fired.get(position) ?? 0) + 1);
        return fault;
      }
      return undefined;
    },
  };
}

function matches(match: RowMatch, contains: string | undefined, row: RowFacts, attempt: number): boolean {
  if (match.customId !== undefined && match.customId !== row.customId) return false;
  if (contains !== undefined && !row.bodyText.includes(contains)) return false;
  if (match.everyNth !== undefined && row.position % match.everyNth !== 0) return false;
  return match.attempt === undefined || match.attempt === attempt;
}
