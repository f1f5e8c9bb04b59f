import { join } from 'node:path';
import type { Run } from '../../src/run.ts';
import { checkInvariants, type Verdict } from '../support/check-invariants.ts';
import { type EngineOptions, type EngineUnderTest, openEngine } from '../support/engine-under-test.ts';
import type { ProviderName } from '../support/providers-under-test.ts';
import { type SandboxProcess, type SandboxProcessOptions, startSandboxProcess } from '../support/sandbox-process.ts';
import { temporaryFolder, type Undo, writeDocuments } from '../support/temporary.ts';

/** A provider in another process, a folder of documents and a home: what every test here begins with. */
export interface Stage {
  sandbox: SandboxProcess;
  folder: string;
  home: string;
  documents: string;
  keys: string[];
  engine(options?: Partial<EngineOptions>): EngineUnderTest;
  /** Closes the engine and checks every invariant; a `Verdict` without violations is expected by the caller. */
  verdict(
    engine: EngineUnderTest,
    options?: { allSucceeded?: boolean; ownAnswers?: boolean; attempted?: readonly string[] },
  ): Promise<Verdict>;
}

export interface StageOptions extends SandboxProcessOptions {
  files?: number;
  /** Default `openai`. */
  api?: ProviderName;
}

export async function openStage(undo: Undo, options: StageOptions = {}): Promise<Stage> {
  const sandbox = await startSandboxProcess(undo, options);
  const folder = temporaryFolder(undo);
  const home = join(folder, 'home');
  const documents = join(folder, 'documents');
  const keys = writeDocuments(documents, options.files ?? 12);
  return {
    sandbox,
    folder,
    home,
    documents,
    keys,
    engine: (more = {}) =>
      openEngine(undo, { home, url: sandbox.url, ...(options.api ? { api: options.api } : {}), ...more }),
    verdict: async (engine, more = {}) => {
      await engine.close();
      return checkInvariants({ home, ledger: await sandbox.ledger(), attempted: keys, ...more });
    },
  };
}

/** Nothing lost, nothing doubled, nothing foreign, nothing paid twice, every sum right. */
export const sound = { lost: 0, duplicated: 0, unexpected: 0, paidTwice: 0, violations: [] as string[] };

/** One whole run under the faults that the provider was given. */
export async function runUnder(
  stage: Stage,
  options: Partial<EngineOptions> = {},
): Promise<{ engine: EngineUnderTest; run: Run }> {
  const engine = stage.engine(options);
  const run = await engine.finish(await engine.begin(stage.documents));
  return { engine, run };
}
