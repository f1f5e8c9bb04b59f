import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Ledger } from '../src/sandbox/sandbox.ts';
import { here } from './harness.ts';

export interface SandboxProcess {
  url: string;
  /** What really happened there. */
  ledger(): Promise<Ledger>;
  /** Forgets all files and batches, so that each run meets the same provider. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** The provider in a process of its own, without any delay. */
export async function startSandboxProcess(work: string): Promise<SandboxProcess> {
  const state = mkdtempSync(join(work, 'sandbox-'));
  const child = spawn(process.execPath, [here('../src/sandbox/main.ts'), '--state', state], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = /listening on (\S+)/.exec(output)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the sandbox ended with ${code}: ${output}`)));
  });
  return {
    url,
    async ledger() {
      const answer = await fetch(`${url}/_sandbox/ledger`);
      return (await answer.json()) as Ledger;
    },
    async reset() {
      const answer = await fetch(`${url}/_sandbox/reset`, { method: 'POST' });
      await answer.text();
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          rmSync(state, { recursive: true, force: true });
          resolve();
        });
        child.kill('SIGTERM');
      }),
  };
}
