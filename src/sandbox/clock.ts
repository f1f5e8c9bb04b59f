import type { DatabaseSync } from 'node:sqlite';
import { inTransaction, type Settings } from './database.ts';

/** The sandbox's own time, shared by every process on one state folder. */
export interface SandboxClock {
  /** Sandbox time, milliseconds since 1970. */
  now(): number;
  advance(ms: number): void;
}

interface ClockBase {
  realMs: number;
  sandboxMs: number;
  scale: number;
}

const KEY = 'clock';

function timeOf(base: ClockBase): number {
  return base.sandboxMs + (Date.now() - base.realMs) * base.scale;
}

/**
 * Sandbox time = base + (real time - real base) * scale; the base is read from the database at every call, so that
 * a jump made by one process is seen by all at once. Without `timeScale` the stored scale stays (1 at first).
 */
export function createClock(database: DatabaseSync, settings: Settings, timeScale: number | undefined): SandboxClock {
  const read = (): ClockBase => JSON.parse(settings.get(KEY) ?? '') as ClockBase;
  inTransaction(database, () => {
    const stored = settings.get(KEY);
    if (stored === undefined) {
      const realMs = Date.now();
      settings.set(KEY, JSON.stringify({ realMs, sandboxMs: realMs, scale: timeScale ?? 1 }));
    } else if (timeScale !== undefined && read().scale !== timeScale) {
      settings.set(KEY, JSON.stringify({ realMs: Date.now(), sandboxMs: timeOf(read()), scale: timeScale }));
    }
  });
  return {
    now: () => timeOf(read()),
    advance(ms) {
      inTransaction(database, () => {
        const base = read();
        settings.set(KEY, JSON.stringify({ ...base, sandboxMs: base.sandboxMs + ms }));
      });
    },
  };
}
