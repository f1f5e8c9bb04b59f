import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { ServiceStore } from '../service-store.ts';

/** Something that the service does again and again. */
export interface Duty {
  /** Unique; one process at a time does the duty of a name. */
  name: string;
  everyMs: number;
  /** Safe to be done by several processes at the same time: nobody waits for another to be done with it. */
  everywhere?: boolean;
  /** Soon to end when the signal is aborted: the service is closed, or another process has taken the duty over. */
  run(signal: AbortSignal): Promise<void>;
}

export interface Duties {
  start(): void;
  /** A duty is to be done now; while it is being done: once more after that. */
  wake(name: string): void;
  /** Resolves when nothing is under way any more, at most `longestCloseMs` later. */
  close(): Promise<void>;
}

export interface DutiesOptions {
  duties: readonly Duty[];
  serviceStore: Pick<ServiceStore, 'claimDuty' | 'releaseDuties'>;
  /** Names this process; unique. */
  owner: string;
  clock: Clock;
  /** One that throws is tried again when its time comes; the others do not notice. */
  onError: (duty: string, error: unknown) => void;
}

/** Beside the pause of the duty, what a process holds it for, and renews while it is at it. */
const claimMs = 30_000;
const longestCloseMs = 5_000;
/** A duty that is woken again and again leaves time to others. */
const shortestPauseMs = 50;

/** The loops of the duties: one for each, so that a slow one delays no other. */
export function createDuties(options: DutiesOptions): Duties {
  const { clock, owner, serviceStore } = options;
  const stop = new AbortController();
  const alarms = new Map(options.duties.map(({ name }) => [name, createAlarm()]));
  const loops: Promise<void>[] = [];
  let closing: Promise<void> | undefined;

  const close = async () => {
    stop.abort();
    const late = new AbortController();
    await Promise.race([Promise.all(loops), clock.sleep(longestCloseMs, late.signal)]);
    late.abort();
    // Freed for others at once, instead of when the claim lapses.
    await serviceStore.releaseDuties(owner).catch((error) => options.onError('close', error));
  };

  return {
    start() {
      if (loops.length > 0 || stop.signal.aborted) return;
      for (const duty of options.duties) {
        const alarm = alarms.get(duty.name);
        if (alarm) loops.push(loop(options, duty, alarm, stop.signal));
      }
    },
    wake: (name) => alarms.get(name)?.ring(),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

interface Alarm {
  ring(): void;
  /** Resolves when it has rung since the last time it was armed, or the time is over. */
  wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void>;
  /** Forgets what was rung before now. */
  arm(): void;
}

function createAlarm(): Alarm {
  let rung = false;
  let sleeping: AbortController | undefined;
  return {
    ring() {
      rung = true;
      sleeping?.abort();
    },
    arm() {
      rung = false;
    },
    async wait(clock, ms, signal) {
      if (rung || signal.aborted) return;
      const asleep = new AbortController();
      sleeping = asleep;
      const forward = () => asleep.abort();
      signal.addEventListener('abort', forward, { once: true });
      await clock.sleep(ms, asleep.signal);
      signal.removeEventListener('abort', forward);
      sleeping = undefined;
    },
  };
}

async function loop(options: DutiesOptions, duty: Duty, alarm: Alarm, signal: AbortSignal): Promise<void> {
  const { clock, onError } = options;
  while (!signal.aborted) {
    alarm.arm();
    try {
      await (duty.everywhere ? duty.run(signal) : runClaimed(options, duty, signal));
    } catch (error) {
      if (!signal.aborted) onError(duty.name, error);
    }
    await clock.sleep(Math.min(shortestPauseMs, duty.everyMs), signal);
    await alarm.wait(clock, Math.max(0, duty.everyMs - shortestPauseMs), signal);
  }
}

/** Under a claim that is renewed until the duty is done; once it is lost, the duty ends. */
async function runClaimed(options: DutiesOptions, duty: Duty, signal: AbortSignal): Promise<void> {
  const { clock, owner, serviceStore } = options;
  // Over the pause too: the same process goes on with it, and others only ask.
  const heldMs = claimMs + duty.everyMs;
  const claim = () => {
    const now = clock.now();
    return serviceStore.claimDuty(duty.name, owner, now, now + heldMs);
  };
  if (!(await claim())) return;
  const done = new AbortController();
  const lost = new AbortController();
  const renewing = renew(options, { duty, claim, done: done.signal, lose: () => lost.abort() });
  try {
    await duty.run(AbortSignal.any([signal, lost.signal]));
  } finally {
    done.abort();
    await renewing;
  }
}

interface Renewal {
  duty: Duty;
  claim: () => Promise<boolean>;
  done: AbortSignal;
  lose: () => void;
}

async function renew({ clock, onError }: DutiesOptions, { duty, claim, done, lose }: Renewal): Promise<void> {
  let held = true;
  while (held) {
    await clock.sleep(claimMs / 3, done);
    if (done.aborted) return;
    held = await claim().catch((error) => {
      onError(duty.name, new Error(`its claim could not be renewed: ${messageOf(error)}`));
      return false;
    });
  }
  lose();
}
