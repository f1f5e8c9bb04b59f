/** Numbers as people read them. */

/** Nano-dollars as dollars. */
export function dollars(nanoUsd: number): number {
  return nanoUsd / 1e9;
}

export function optionalDollars(nanoUsd: number | undefined): number | null {
  return nanoUsd === undefined ? null : dollars(nanoUsd);
}

/** To two decimals. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Per cent with two decimals; 0 of nothing is 0, never NaN. */
export function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded((part / whole) * 100);
}

/** Two decimals; 0 when there is nothing to divide by. */
export function ratioOf(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded(part / whole);
}

export function hoursOf(ms: number): number {
  return rounded(ms / 3_600_000);
}

/** `2026-11-20`, UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export const dayMs = 24 * 3_600_000;
