import type { LaneKey, NewJob, NewRun } from '../../src/store-rows.ts';
import { bodyOf, model } from '../material.ts';

export const account = 'bench-account';

export const lane: LaneKey = {
  provider: 'openai',
  account,
  model,
  endpoint: '/v1/chat/completions',
  mode: 'batch',
};

export const keyOf = (position: number): string => `job-${String(position).padStart(7, '0')}`;

/** A chunk of jobs, made before the clock runs. */
export function chunkOf(first: number, count: number, bodyBytes: number): NewJob[] {
  return Array.from({ length: count }, (_, index) => {
    const position = first + index;
    const size = { inputTokens: Math.ceil(bodyBytes / 4), maxInputTokens: bodyBytes };
    return { key: keyOf(position), position, request: { lane, body: bodyOf(position, bodyBytes), size } };
  });
}

export function newRun(id: string): NewRun {
  return {
    id,
    fingerprint: id,
    mode: 'batch',
    provider: 'openai',
    model,
    priority: 5,
    maxAttempts: 3,
    concurrency: 5,
    timeoutMs: 30_000,
    simulated: false,
    fresh: false,
    primeCache: false,
    recipe: { type: 'requests', version: 1 },
    source: { type: 'jsonl', path: '/bench.jsonl' },
  };
}
