import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names this process on leases: `host:pid:start:random`. The start time tells a process from a later one with the same
 * pid; where it cannot be read (not Linux) it is 0 and the pid alone decides.
 */
export function processOwner(): string {
  return `${hostname()}:${process.pid}:${startTime(process.pid) ?? 0}:${randomBytes(3).toString('hex')}`;
}

/** Whether an owner's process still runs. Of another machine nothing is known: it counts as alive until its lease lapses. */
export function isOwnerAlive(owner: string): boolean {
  const [host, pidText, start] = owner.split(':');
  const pid = Number(pidText);
  if (host !== hostname() || !Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  const now = startTime(pid);
  return start === '0' || now === undefined || String(now) === start;
}

/** Clock ticks from boot to the process's start (proc(5), field 22 of stat); undefined where there is no /proc. */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may contain spaces; fields are counted behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more.
    if (fields[0] === 'Z') return -1;
    return Number(fields[19]);
  } catch {
    return undefined;
  }
}
