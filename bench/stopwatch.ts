export interface Stopwatch {
  /** Adds the time since the last lap, or the start, to the phase. */
  lap(phase: string): void;
  /** Milliseconds. */
  laps: Record<string, number>;
}

export function createStopwatch(): Stopwatch {
  const laps: Record<string, number> = {};
  let last = performance.now();
  return {
    laps,
    lap(phase) {
      const now = performance.now();
      laps[phase] = (laps[phase] ?? 0) + now - last;
      last = now;
    },
  };
}
