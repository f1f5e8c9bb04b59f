import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { OffpeakError } from '../errors.ts';
import { type FaultPlan, parseFaultPlan } from '../sandbox/fault-plan.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, say } from './output.ts';
import { parseWhole } from './run-flags.ts';
import { sandboxServerPath } from './settings.ts';

export interface SandboxFlags extends GlobalFlags {
  port?: string;
  seed?: string;
  state?: string;
  timeScale?: string;
  inProgress?: string;
  faults?: string;
}

/** `offpeak sandbox`: the emulator as a server of its own, until Ctrl-C. */
export async function sandboxCommand(context: Context, flags: SandboxFlags): Promise<number> {
  // As a server of its own it trades a little speed for memory: 110 MB instead of 300 with a 200 MB upload.
  setFlagsFromString('--optimize-for-size');
  const sandbox = await startSandbox({
    stateDir: flags.state ?? sandboxServerPath(context.config.home),
    port: flags.port === undefined ? 0 : parseWhole('--port', flags.port, 0, 65_535),
    ...(flags.seed === undefined ? {} : { seed: parseWhole('--seed', flags.seed, 0) }),
    ...(flags.timeScale === undefined ? {} : { timeScale: parseWhole('--time-scale', flags.timeScale) }),
    ...(flags.inProgress === undefined
      ? {}
      : { delays: { inProgressMs: parseWhole('--in-progress', flags.inProgress, 0) * 1000 } }),
    // Those of an earlier start are over.
    faults: flags.faults === undefined ? {} : readFaults(flags.faults),
  });
  printData(`sandbox listening on ${sandbox.url}`);
  say(`Answers are simulated. Point a client at it:
  export OPENAI_BASE_URL=${sandbox.url}/v1 OPENAI_API_KEY=sk-sandbox
  export ANTHROPIC_BASE_URL=${sandbox.url} ANTHROPIC_API_KEY=sk-sandbox
  export GOOGLE_GEMINI_BASE_URL=${sandbox.url} GEMINI_API_KEY=sandbox
  export OLLAMA_HOST=${sandbox.url}
What it was asked: ${sandbox.url}/_sandbox/ledger    Ctrl-C ends it.`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await sandbox.close();
  return exitCodes.succeeded;
}

function readFaults(path: string): FaultPlan {
  try {
    return parseFaultPlan(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new OffpeakError(`--faults ${path} cannot be used: ${words}`, { code: 'usage', cause: error });
  }
}
