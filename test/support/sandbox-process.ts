import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FaultPlan } from '../../src/sandbox/fault-plan.ts';
import type { Ledger } from '../../src/sandbox/ledger.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { temporaryFolder, type Undo } from './temporary.ts';

const mainPath = fileURLToPath(new URL('../../src/sandbox/main.ts', import.meta.url));

export interface SandboxProcessOptions {
  faults?: FaultPlan;
  /** Flags of `src/sandbox/main.ts`: `--in-progress-ms 500`. */
  flags?: readonly string[];
}

/** The provider, as far away as on another machine: its own process, its own state, real HTTP. */
export interface SandboxProcess {
  url: string;
  ledger(): Promise<Ledger>;
  setFaults(plan: FaultPlan): Promise<void>;
  /** The plan with `matched` and `fired` beside each fault. */
  faults(): Promise<{ routes: Fired[]; rows: Fired[] }>;
  /** Moves the sandbox's clock forward. */
  advance(ms: number): Promise<void>;
}

export interface Fired {
  matched: number;
  fired: number;
}

export async function startSandboxProcess(undo: Undo, options: SandboxProcessOptions = {}): Promise<SandboxProcess> {
  const stateDir = temporaryFolder(undo, 'offpeak-provider-');
  const child = spawn(process.execPath, [mainPath, '--port', '0', '--state', stateDir, ...(options.flags ?? [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  undo(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = /listening on (\S+)/.exec(line)?.[1];
  if (!url) throw new Error(`The sandbox did not start: ${line}`);
  const sandbox: SandboxProcess = {
    url,
    ledger: async () => (await ask(url, 'ledger')) as Ledger,
    setFaults: async (plan) => void (await ask(url, 'faults', plan)),
    faults: async () => (await ask(url, 'faults')) as { routes: Fired[]; rows: Fired[] },
    advance: async (ms) => void (await ask(url, 'advance', { ms })),
  };
  if (options.faults) await sandbox.setFaults(options.faults);
  return sandbox;
}

async function ask(url: string, path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`${url}/_sandbox/${path}`, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`The sandbox says ${answer.status} to ${path}: ${text}`);
  return JSON.parse(text);
}

/** The ledger of the sandbox that `--sandbox` keeps under a home, whose processes have ended. */
export async function ledgerOfHome(home: string): Promise<Ledger> {
  const sandbox = await startSandbox({ stateDir: `${home}/sandbox` });
  try {
    return (await ask(sandbox.url, 'ledger')) as Ledger;
  } finally {
    await sandbox.close();
  }
}
