import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { anthropicFront } from './anthropic/front.ts';
import type { Delays } from './batches/batch-record.ts';
import type { BatchDialect } from './batches/dialect.ts';
import type { BatchEngine } from './batches/engine.ts';
import { createSettler } from './batches/settle.ts';
import { createWorker } from './batches/worker.ts';
import { compatibleFronts } from './compatible/front.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { Front } from './front.ts';
import { geminiFront } from './gemini/front.ts';
import { inspectionFront, readLedger } from './inspection.ts';
import type { Ledger } from './ledger.ts';
import { ollamaFront } from './ollama/ollama.ts';
import { openAiFront } from './openai/front.ts';
import { createSandboxServer } from './server.ts';
import { openState, type SandboxLimits, type SandboxSettings, type SandboxState } from './state.ts';

export type { FaultPlan, RouteAction, RouteFault, RowAction, RowFault, RowMatch } from './fault-plan.ts';
export type { Ledger, LedgerBatch } from './ledger.ts';

export interface SandboxOptions {
  /** Folder for everything durable; made if missing. Several sandboxes may share it, also after a crash. */
  stateDir: string;
  /** Default 0: any free port. Always on 127.0.0.1. */
  port?: number;
  /** Decides the order of results and the draws of faults with a probability. Default 1. */
  seed?: number;
  /** Sandbox milliseconds per real millisecond. Default: what the folder has, 1 at first. */
  timeScale?: number;
  /** How long the phases of a batch take, in sandbox milliseconds. Default 0 each. */
  delays?: Partial<Delays>;
  /** Replaces the plan kept in the folder. */
  faults?: FaultPlan;
  /**
   * What is refused above. OpenAI: `maxFileBytes` 200 MB, `maxRequests` 50,000. Anthropic: `anthropicBatchBytes` 256 MB,
   * `anthropicBatchRequests` 100,000, `queuedRequests` (rows of unfinished batches) without limit. Gemini:
   * `geminiInlineBytes` 20 MB, `geminiFileBytes` 2 GB. OpenAI and Gemini: `enqueuedTokens` without limit.
   */
  limits?: Partial<SandboxLimits>;
  /** True: Anthropic refuses a whole batch at once for a row with bad parameters. Default: only that row is errored. */
  checksRowsAtCreate?: boolean;
  /** Real milliseconds a realtime call takes. Default 0. */
  realtimeDelayMs?: number;
  /** False: a server without batch API; `/v1/files` and `/v1/batches` answer 404. */
  batchApi?: boolean;
}

/** A running emulator of the providers' HTTP APIs. */
export interface Sandbox {
  /** `http://127.0.0.1:port`. */
  url: string;
  port: number;
  /** Ends connections and background work; the state stays in the folder. */
  close(): Promise<void>;
  ledger(): Ledger;
  setFaults(plan: FaultPlan): void;
  /** Jumps the sandbox's clock forward. */
  advance(ms: number): void;
}

const NO_DELAYS: Delays = { validatingMs: 0, perRowMs: 0, inProgressMs: 0, finalizingMs: 0, cancellingMs: 0 };
const LIMITS: SandboxLimits = {
  maxFileBytes: 200_000_000,
  maxRequests: 50_000,
  enqueuedTokens: Number.POSITIVE_INFINITY,
  anthropicBatchBytes: 256_000_000,
  anthropicBatchRequests: 100_000,
  queuedRequests: Number.POSITIVE_INFINITY,
  geminiInlineBytes: 20_000_000,
  geminiFileBytes: 2_000_000_000,
};

/**
 * Starts a sandbox: the batches, files and realtime calls of OpenAI, Anthropic and Gemini, and Ollama, answered without any model, deterministic,
 * with faults on demand and its own time. Nothing leaves this machine.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const state = await openState(options.stateDir, settingsOf(options), {
    timeScale: options.timeScale,
    faults: options.faults,
  });
  const dialects = new Map<string, BatchDialect>();
  const settler = createSettler(state, dialects);
  const worker = createWorker(state, dialects, settler);
  const fronts = providerFronts(state, { settler, wake: worker.wake });
  for (const { dialect } of fronts) if (dialect !== undefined) dialects.set(dialect.provider, dialect);
  worker.wake();
  const server = createSandboxServer(state, [inspectionFront(state, dialects, settler.settleDue), ...fronts]);
  server.listen(options.port ?? 0, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    await worker.close();
    state.database.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await worker.close();
    await closed;
    state.database.close();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => (closing ??= close()),
    ledger: () => readLedger(state, dialects),
    setFaults: (plan) => state.faults.setPlan(plan),
    advance: (ms) => state.clock.advance(ms),
  };
}

/** In the order in which they are asked whose a call is: OpenAI takes what is left. */
function providerFronts(state: SandboxState, engine: BatchEngine): Front[] {
  return [
    ...compatibleFronts(state, engine),
    ollamaFront(state),
    geminiFront(state, engine),
    anthropicFront(state, engine),
    openAiFront(state, engine),
  ];
}

function settingsOf(options: SandboxOptions): SandboxSettings {
  return {
    seed: options.seed ?? 1,
    delays: { ...NO_DELAYS, ...options.delays },
    limits: { ...LIMITS, ...options.limits },
    checksRowsAtCreate: options.checksRowsAtCreate ?? false,
    realtimeDelayMs: options.realtimeDelayMs ?? 0,
    batchApi: options.batchApi ?? true,
  };
}
