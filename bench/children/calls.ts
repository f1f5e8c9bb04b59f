/** Times calls that hold the event loop, one by one. */
export interface Calls {
  time<T>(work: () => Promise<T>, rows: number | ((result: T) => number)): Promise<T>;
  /** `rows` a second over the calls alone, and the calls' durations. */
  /** `cpuUs`: CPU a row, all threads; unlike the wall times it hardly moves when others use the machine. */
  numbers(): Record<'rows' | 'perSecond' | 'medianCallMs' | 'p99Ms' | 'longestCallMs' | 'cpuUs', number>;
}

export function createCalls(): Calls {
  const durations: number[] = [];
  let rows = 0;
  let cpuUs = 0;
  return {
    async time(work, count) {
      const before = process.cpuUsage();
      const started = performance.now();
      const result = await work();
      durations.push(performance.now() - started);
      const { user, system } = process.cpuUsage(before);
      cpuUs += user + system;
      rows += typeof count === 'number' ? count : count(result);
      return result;
    },
    numbers() {
      const sorted = [...durations].sort((a, b) => a - b);
      const at = (share: number) =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
      const total = durations.reduce((sum, duration) => sum + duration, 0);
      return {
        rows,
        perSecond: (rows / total) * 1000,
        medianCallMs: at(0.5),
        p99Ms: at(0.99),
        longestCallMs: at(1),
        cpuUs: cpuUs / rows,
      };
    },
  };
}
