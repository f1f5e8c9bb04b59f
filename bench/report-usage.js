// Loaded with --import into every measured process: writes what it used when it ends. Plain JavaScript, so that it costs
// nothing itself. VmHWM and not maxRSS where there is one: Linux lets maxRSS of a child begin with its parent's peak.
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.env.OFFPEAK_BENCH_USAGE;

process.once('exit', () => {
  if (!path) return;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeFileSync(
    path,
    JSON.stringify({ peakBytes: highWater() ?? maxRSS * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 }),
  );
});

function highWater() {
  try {
    const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    return match?.[1] ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}
