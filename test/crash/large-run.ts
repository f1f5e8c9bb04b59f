import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkInvariants } from '../support/check-invariants.ts';
import { documentKeys } from '../support/documents-source.ts';
import { providerNames, providerUnderTest } from '../support/providers-under-test.ts';
import { startSandboxProcess } from '../support/sandbox-process.ts';
import { temporaryFolder, type Undo, until } from '../support/temporary.ts';
import type { LargeOrder } from './large-child.ts';

/**
 * `npm run crash -- --large [--jobs 200000]`: jobs over three providers, with 2 % row errors, an expired batch, a lost
 * reply to a create, and a kill -9 in the middle. It must end complete, and cost what the providers charged.
 */
const { values } = parseArgs({
  options: { large: { type: 'boolean' }, jobs: { type: 'string', default: '200000' } },
});
const perProvider = Math.ceil(Number(values.jobs) / providerNames.length);
const childPath = fileURLToPath(new URL('./large-child.ts', import.meta.url));
const undone: Parameters<Undo>[0][] = [];
try {
  await large((step) => void undone.push(step));
} finally {
  for (const step of undone.reverse()) await step();
}

async function large(undo: Undo): Promise<void> {
  const create = (name: (typeof providerNames)[number]) => providerUnderTest(name).routes.create;
  const sandbox = await startSandboxProcess(undo, {
    faults: {
      routes: [
        { ...create('openai'), fault: { type: 'expire-at', fraction: 0.5 } },
        { ...create('anthropic'), fault: { type: 'lost-reply' } },
      ],
      rows: [{ match: { probability: 0.02, attempt: 1 }, fault: { type: 'error', status: 500 } }],
    },
  });
  const home = temporaryFolder(undo, 'offpeak-large-');
  const order: LargeOrder = { home, url: sandbox.url, jobs: perProvider };
  const started = performance.now();
  const first = start(undo, order);
  const third = Math.round(perProvider * providerNames.length * 0.3);
  await until('three jobs of ten to be done', () => succeeded(home) > third, 600_000);
  const killedAt = succeeded(home);
  first.child.kill('SIGKILL');
  await first.ended;
  const killedMs = performance.now() - started;
  const second = start(undo, order);
  const { code, stdout } = await second.ended;
  const seconds = (performance.now() - started) / 1000;
  const ledger = await sandbox.ledger();
  const verdict = await checkInvariants({ home, ledger, attempted: attemptedOf(home) });
  console.log(
    [
      `${perProvider * providerNames.length} jobs over ${providerNames.join(', ')}: ${seconds.toFixed(1)} s`,
      `killed after ${(killedMs / 1000).toFixed(1)} s with ${killedAt} done; ${stdout.trim()}`,
      `batches ${ledger.batches.length}, creates ${ledger.createCalls}, rows run ${ledger.rowsExecuted}, charged ${ledger.rowsCharged}`,
      `charged $${(ledger.chargedNanoUsd / 1e9).toFixed(6)}; ${JSON.stringify(verdict)}`,
    ].join('\n'),
  );
  if (code !== 0 || verdict.violations.length > 0) process.exitCode = 1;
}

function start(undo: Undo, order: LargeOrder) {
  const child = spawn(process.execPath, [childPath, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout }));
  undo(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended };
}

function succeeded(home: string): number {
  return read(home, 'SELECT coalesce(sum(succeeded), 0) AS jobs FROM runs').reduce(
    (sum, row) => sum + Number(row.jobs),
    0,
  );
}

function attemptedOf(home: string): Map<string, string[]> {
  return new Map(
    read(home, 'SELECT id, provider FROM runs').map(({ id, provider }) => [
      String(id),
      documentKeys(perProvider, String(provider)),
    ]),
  );
}

function read(home: string, sql: string): Record<string, unknown>[] {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(home, 'offpeak.db'), { readOnly: true });
    return database.prepare(sql).all();
  } catch {
    // Not made yet.
    return [];
  } finally {
    database?.close();
  }
}
