import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProviderName } from '../support/providers-under-test.ts';

/** The four ways a job can go: by each provider's batch API, and call by call. */
export const ways = ['openai', 'anthropic', 'gemini', 'realtime'] as const;
export type Way = (typeof ways)[number];

const engineFolder = fileURLToPath(new URL('../../src/engine', import.meta.url));

/** Every point at which the engine can be killed (`reliability.md`, A3), read from its source: a new one is tested too. */
function pointsByFile(): Map<string, string[]> {
  const points = new Map<string, string[]>();
  for (const file of readdirSync(engineFolder).filter((name) => /^[^.]+\.ts$/.test(name))) {
    const text = readFileSync(join(engineFolder, file), 'utf8');
    const found = [...text.matchAll(/crashpoint\(([^)]*)\)/g)].flatMap(([, argument = '']) =>
      [...argument.matchAll(/'([^']+)'/g)].map(([, point = '']) => point),
    );
    if (found.length > 0) points.set(file, found);
  }
  return points;
}

/** Passed by realtime calls. */
const realtimeFiles = ['enqueue.ts', 'realtime.ts'];

/** What a way never passes: Anthropic knows no upload. */
const impassable: Partial<Record<Way, readonly string[]>> = { anthropic: ['C7'] };

/** In the order in which a run passes them. */
export function pointsOf(way: Way): string[] {
  const points = new Set(
    [...pointsByFile()]
      .filter(([file]) => (way === 'realtime' ? realtimeFiles.includes(file) : file !== 'realtime.ts'))
      .flatMap(([, found]) => found)
      .filter((point) => !impassable[way]?.includes(point)),
  );
  return [...points].sort((a, b) => placeOf(a) - placeOf(b));
}

function placeOf(point: string): number {
  return Number(/^C(\d+)$/.exec(point)?.[1] ?? 99);
}

/** Runs in which a batch is given up for the deadline pass these. */
export function isHedge(point: string): boolean {
  return point.startsWith('hedge');
}

/** The points of the second half of a run, whose ordered pairs are the double faults. */
export function pairsOf(way: Way): (readonly [string, string])[] {
  const late = pointsOf(way).filter((point) => placeOf(point) >= 8 && placeOf(point) < 20);
  return late.flatMap((first) => late.map((second) => [first, second] as const));
}

export function apiOf(way: Way): ProviderName {
  return way === 'realtime' ? 'openai' : way;
}
