import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Things to be undone when a test ends, last first. */
export type Undo = (work: () => void | Promise<void>) => void;

export function temporaryFolder(undo: Undo, name = 'offpeak-test-'): string {
  const path = mkdtempSync(join(tmpdir(), name));
  undo(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/**
 * In memory where the system has such a place: hundreds of stores that sync each commit would else wait for one disk. What
 * a killed process wrote is there all the same.
 */
export function temporaryMemory(undo: Undo, name: string): string {
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), name));
  undo(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** A word that stands in one document alone, and so in the sandbox's answer to it. */
export function markerOf(name: string): string {
  return `marker-${name.replace(/\W/g, '-')}-end`;
}

/** `count` small text files, each with its own marker; returns their names, which are the keys of the jobs. */
export function writeDocuments(directory: string, count: number, prefix = 'report'): string[] {
  mkdirSync(directory, { recursive: true });
  const names = Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(4, '0')}.txt`);
  for (const name of names) {
    writeFileSync(join(directory, name), `This report speaks of ${markerOf(name)} and of nothing else.\n`);
  }
  return names;
}

export function writeConfig(home: string, lines: string): void {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'config.yaml'), lines, { mode: 0o600 });
}

/** Waits for a fact that no event announces (a counter in a ledger, a row of another process's store). */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 15_000,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() - start > timeoutMs) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
