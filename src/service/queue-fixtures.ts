import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { QueuedJob } from '../service-store.ts';
import { createSqliteStore, type SqliteStore } from '../stores/sqlite/sqlite-store.ts';

/** A real store for tests of the service, and jobs that are ready for it. */

/** A folder of the test's own; in memory where there is such a place, for what is tested is not the disk. */
export function storeFolder(): string {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'offpeak-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

let owners = 0;

/** Another connection to the store in a folder; closed when the test ends, if it is not before. */
export function openStore(folder: string, options: { now?: () => number; random?: () => number } = {}): SqliteStore {
  owners += 1;
  const path = join(folder, 'offpeak.db');
  const store = createSqliteStore({ path, owner: `test-${owners}`, isAlive: () => true, ...options });
  onTestFinished(() => store.close());
  return store;
}

export function queuedJob(change: Partial<QueuedJob> = {}): QueuedJob {
  const { queue = 'creative_scoring', provider = 'openai', model = 'gpt-5-mini' } = change;
  return {
    queue,
    provider,
    account: `${provider}:test`,
    simulated: true,
    model,
    priority: 5,
    request: {
      lane: { provider, account: `${provider}:test`, model, endpoint: '/v1/chat/completions', mode: 'batch' },
      body: `{"at":${owners}}`,
      size: { inputTokens: 1, maxInputTokens: 1, maxOutputTokens: 1 },
    },
    data: '{}',
    ...change,
  };
}

/** The same draws for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
