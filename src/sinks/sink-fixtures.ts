import { noCounts } from '../job.ts';
import type { Run } from '../run.ts';
import type { ResultRow } from '../sink.ts';
import { createSink, type SinkFormat, type SinkOptions } from './sinks.ts';
import type { TextTarget } from './text-target.ts';

/** Made-up runs and rows for this folder's tests. */

export function runOf(changes: Partial<Run> = {}): Run {
  return {
    id: 'run-20261120-143000-k3f9',
    fingerprint: 'f',
    state: 'ended',
    mode: 'auto',
    provider: 'openai',
    model: 'gpt-5-mini',
    priority: 5,
    maxAttempts: 3,
    concurrency: 5,
    timeoutMs: 30_000,
    simulated: false,
    fresh: false,
    primeCache: false,
    reservedNanoUsd: 0,
    isOverBudget: false,
    reusedNanoUsd: 0,
    recipe: { type: 'prompt', prompt: 'Summarise' },
    source: { type: 'folder', directory: 'docs', pattern: '*.txt' },
    createdAt: Date.UTC(2026, 10, 20, 14, 30),
    endedAt: Date.UTC(2026, 10, 20, 14, 30, 12, 500),
    counts: { ...noCounts, succeeded: 1, failed: 1 },
    reused: 0,
    usage: { inputTokens: 0, outputTokens: 0, cachedTokens: 0 },
    ...changes,
  };
}

export function rowOf(changes: Partial<ResultRow> = {}): ResultRow {
  return {
    key: 'docs/a.txt',
    job: 1,
    state: 'succeeded',
    output: 'Fine.',
    attempts: 1,
    seconds: 1.2,
    reused: false,
    ...changes,
  };
}

export const failedRow: ResultRow = {
  key: 'docs/b.txt',
  job: 2,
  state: 'failed',
  errorCode: 'timeout',
  errorMessage: 'Model timeout after 30 s',
  attempts: 3,
  seconds: 90,
  reused: false,
};

/** Keeps everything in memory. */
export function createMemoryTarget(): TextTarget & { text(): string; calls: string[] } {
  const parts: string[] = [];
  const calls: string[] = [];
  return {
    calls,
    text: () => parts.join(''),
    async write(text) {
      parts.push(text);
    },
    async end() {
      calls.push('end');
    },
    async abort() {
      calls.push('abort');
    },
  };
}

/** What a sink of this format writes for a run with these rows. */
export async function written(
  format: SinkFormat,
  rows: readonly ResultRow[],
  run: Run = runOf(),
  options: SinkOptions = {},
): Promise<string> {
  const target = createMemoryTarget();
  const sink = createSink(format, target, options);
  await sink.begin(run);
  for (const row of rows) await sink.write(row);
  await sink.end();
  return target.text();
}
