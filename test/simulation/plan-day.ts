import type { Random } from '../../src/ids.ts';
import type { RunMode } from '../../src/run.ts';
import type { FaultPlan, RouteAction, RowAction } from '../../src/sandbox/fault-plan.ts';
import type { SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { documentKeys } from '../support/documents-source.ts';
import { providerNames, providerUnderTest } from '../support/providers-under-test.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** What a user asks for in the course of the day. */
export interface PlannedRun {
  atMs: number;
  api: (typeof providerNames)[number];
  mode: RunMode;
  keys: string[];
  prompt: string;
  priority: number;
  maxAttempts: number;
  primeCache: boolean;
  /** After its beginning. */
  deadlineMs?: number;
  budgetNanoUsd?: number;
  cancelMs?: number;
  retryMs?: number;
}

export interface DayPlan {
  runs: PlannedRun[];
  sandbox: Omit<SandboxOptions, 'stateDir'>;
  /** Requests of a batch at most. */
  maxRequests: number;
  /** Chance of a worker's death at one step with the store, and at one call to a provider. */
  deaths: { store: number; provider: number };
}

const pool = documentKeys(40);
const prompts = ['Summarize this document', 'Which words stand here?'];

/** Everything that is going to happen, from the seed alone. */
export function planDay(seed: number, random: Random): DayPlan {
  const chance = (probability: number) => random() < probability;
  const between = (low: number, high: number) => low + random() * (high - low);
  const time = (low: number, high: number, unitMs: number) => Math.round(between(low, high) * unitMs);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const isHard = chance(0.5);
  const planRun = (): PlannedRun => {
    const from = Math.floor(random() * pool.length);
    const mode = pick(['auto', 'auto', 'batch', 'realtime'] as const);
    return {
      atMs: time(0, 16, hourMs),
      api: pick(providerNames),
      mode,
      keys: pool.slice(from, from + 3 + Math.floor(random() * 14)),
      prompt: pick(prompts),
      priority: 1 + Math.floor(random() * 10),
      maxAttempts: 3 + Math.floor(random() * 3),
      primeCache: chance(0.15),
      ...(chance(0.25) ? { deadlineMs: time(0.2, 8, hourMs) } : {}),
      ...(chance(0.25) ? { budgetNanoUsd: Math.round(between(0.2, 6) * 1_000_000) } : {}),
      ...(chance(0.15) ? { cancelMs: time(0, 4, hourMs) } : {}),
      ...(chance(0.2) ? { retryMs: time(2, 8, hourMs) } : {}),
    };
  };
  return {
    runs: Array.from({ length: 3 + Math.floor(random() * 4) }, planRun),
    maxRequests: 3 + Math.floor(random() * 12),
    deaths: isHard ? { store: 0.0015, provider: 0.04 } : { store: 0.0002, provider: 0.004 },
    sandbox: {
      seed,
      timeScale: 0,
      delays: {
        validatingMs: time(0, 5, minuteMs),
        perRowMs: time(0, 10, minuteMs),
        inProgressMs: time(0, chance(0.2) ? 20 : 3, hourMs),
        finalizingMs: time(0, 5, minuteMs),
        cancellingMs: time(0, 10, minuteMs),
      },
      ...(chance(0.4) ? { limits: { enqueuedTokens: 300 + Math.floor(random() * 1500), queuedRequests: 12 } } : {}),
      faults: planFaults(isHard ? 0.6 : 0.25, isHard ? 0.12 : 0.03, random),
    },
  };
}

const reset = { type: 'reset' } as const;
const lost = { type: 'lost-reply' } as const;
const status = (code: number): RouteAction => ({ type: 'status', status: code });
const isDown = [status(500), status(503), reset, { type: 'status', status: 502, html: true } as const];
const busy: RouteAction = { type: 'status', status: 429, headers: { 'retry-after': '40' } };
// After one byte: a reply that is over before it is cut would spoil the next call on its connection instead.
const cut = [{ type: 'cut-reply', bytes: 1 } as const, { type: 'cut-reply-clean', bytes: 1 } as const];

/** What can go wrong with each kind of call. */
const table: Readonly<Record<string, readonly RouteAction[]>> = {
  upload: [...isDown, busy, lost],
  create: [
    ...[...isDown, busy, lost, lost, lost, ...cut, { type: 'status-after', status: 500 } as const],
    ...[{ type: 'token-limit' } as const, { type: 'expire-at', fraction: 0.4 } as const],
    { type: 'fail-batch', code: 'invalid_value', message: 'Line 2 is odd.', line: 2 },
  ],
  list: [...isDown, busy, ...cut, { type: 'hide', ms: 80_000 }],
  poll: [...isDown, busy, lost, status(404), ...cut],
  download: [...isDown, busy, status(404), { type: 'cut-reply', bytes: 100 }, { type: 'cut-reply-clean', bytes: 100 }],
  cancel: [...isDown, busy, lost],
  call: [...isDown, busy, lost, ...cut],
};

const rowTable: readonly RowAction[] = [
  ...[{ type: 'error', status: 500 } as const, { type: 'error', status: 429 } as const],
  ...[{ type: 'error', status: 400, message: 'Never.' } as const, { type: 'missing' } as const],
  ...[{ type: 'duplicate' } as const, { type: 'unknown-id' } as const, { type: 'not-json' } as const],
  ...[{ type: 'empty-content' } as const, { type: 'refusal' } as const],
];

function planFaults(share: number, strength: number, random: Random): FaultPlan {
  const routes = providerNames.flatMap((name) =>
    Object.entries(providerUnderTest(name).routes).flatMap(([kind, route]) =>
      (table[kind] ?? [])
        .filter(() => random() < share)
        .map((fault) => ({ ...route, probability: random() * strength, fault })),
    ),
  );
  const rows = rowTable
    .filter(() => random() < share)
    .map((fault) => ({ match: { probability: random() * strength }, fault }));
  return { routes, rows };
}
