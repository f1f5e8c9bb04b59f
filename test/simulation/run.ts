import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { simulateDays } from './simulate-days.ts';

/**
 * `npm run simulate -- --days 1000 --seed 1 [--parallel N] [--verbose]`: day by day, each from a seed of its own, in as
 * many processes as there are cores. A day that goes wrong prints its seed; `--seed S --days 1` is exactly that day again.
 * Exits with 1 when one went wrong.
 */
const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    parallel: { type: 'string', default: String(Math.min(availableParallelism(), 4)) },
    verbose: { type: 'boolean', default: false },
  },
});
const days = Number(values.days);
const firstSeed = Number(values.seed);
const processes = Math.min(Number(values.parallel), Math.ceil(days / 10));
const started = performance.now();
if (processes > 1) await inProcesses();
else await here();

async function here(): Promise<void> {
  const { sums, wrong } = await simulateDays(firstSeed, days, (report) => {
    if (values.verbose) console.log(JSON.stringify(report));
    for (const words of report.violations) console.log(`seed ${report.seed}: ${words}`);
  });
  console.log(`${pace(days)}: ${JSON.stringify(sums)}`);
  if (wrong.length === 0) return;
  console.log(`went wrong: ${wrong.join(', ')}; again with --days 1 --seed ${wrong[0]}`);
  process.exitCode = 1;
}

async function inProcesses(): Promise<void> {
  const share = Math.ceil(days / processes);
  const children = Array.from({ length: processes }, (_, i) => {
    const range = ['--days', String(Math.min(share, days - i * share)), '--seed', String(firstSeed + i * share)];
    const how = ['--parallel', '1', ...(values.verbose ? ['--verbose'] : [])];
    return spawn(process.execPath, [fileURLToPath(import.meta.url), ...range, ...how], { stdio: 'inherit' });
  });
  const ends = await Promise.all(children.map((child) => once(child, 'close')));
  console.log(`in all ${pace(days)}`);
  if (ends.some(([code]) => code !== 0)) process.exitCode = 1;
}

function pace(count: number): string {
  const seconds = (performance.now() - started) / 1000;
  return `${count} days in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(2)} a second`;
}
