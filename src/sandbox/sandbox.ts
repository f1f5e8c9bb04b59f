import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FaultPlan } from './fault-plan.ts';
import { inspectionRoutes, readLedger } from './inspection.ts';
import type { Ledger } from './ledger.ts';
import { ollamaRoutes } from './ollama/ollama.ts';
import type { Delays } from './openai/batch-record.ts';
import { batchRoutes } from './openai/batches.ts';
import { fileRoutes } from './openai/files.ts';
import { realtimeRoutes } from './openai/realtime.ts';
import { createSettler } from './openai/settle.ts';
import { createWorker } from './openai/worker.ts';
import { createSandboxServer } from './server.ts';
import { openState, type SandboxSettings } from './state.ts';

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
  /** Defaults: 200 MB, 50,000 requests, no limit on enqueued tokens. */
  limits?: Partial<{ maxFileBytes: number; maxRequests: number; enqueuedTokens: number }>;
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
const MAX_FILE_BYTES = 200_000_000;

/**
 * Starts a sandbox: OpenAI's files, batches and realtime calls, and Ollama, answered without any model, deterministic,
 * with faults on demand and its own time. Nothing leaves this machine.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const state = await openState(options.stateDir, settingsOf(options), {
    timeScale: options.timeScale,
    faults: options.faults,
  });
  const settler = createSettler(state);
  const worker = createWorker(state, settler);
  const routes = [
    ...fileRoutes(state, settler.settleDue),
    ...batchRoutes(state, { settler, wake: worker.wake }),
    ...realtimeRoutes(state),
    ...ollamaRoutes(state),
    ...inspectionRoutes(state, settler.settleDue),
  ];
  const server = createSandboxServer(state, routes);
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
    ledger: () => readLedger(state),
    setFaults: (plan) => state.faults.setPlan(plan),
    advance: (ms) => state.clock.advance(ms),
  };
}

function settingsOf(options: SandboxOptions): SandboxSettings {
  return {
    seed: options.seed ?? 1,
    delays: { ...NO_DELAYS, ...options.delays },
    limits: {
      maxFileBytes: options.limits?.maxFileBytes ?? MAX_FILE_BYTES,
      maxRequests: options.limits?.maxRequests ?? 50_000,
      enqueuedTokens: options.limits?.enqueuedTokens ?? Number.POSITIVE_INFINITY,
    },
    realtimeDelayMs: options.realtimeDelayMs ?? 0,
    batchApi: options.batchApi ?? true,
  };
}
