import { existsSync, statfsSync } from 'node:fs';
import { hasCode, messageOf } from '../errors.ts';
import type { Provider } from '../provider.ts';
import type { Store } from '../store.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData } from './output.ts';
import { storePath } from './settings.ts';
import { escapeForTerminal, formatBytes } from './terminal.ts';

interface Finding {
  /** `bad` makes the exit code 3; `off` is something that is simply not set up; `look` is for a person to decide. */
  state: 'ok' | 'off' | 'look' | 'bad';
  subject: string;
  detail: string;
}

/** `offpeak doctor`: whether everything that a run needs is there, and what to do where it is not. */
export async function doctorCommand(context: Context, flags: GlobalFlags & { json?: boolean }): Promise<number> {
  const findings = [nodeFinding(), diskFinding(context), ...(await storeFindings(context))];
  try {
    await context.prices();
  } catch (error) {
    findings.push({ state: 'bad', subject: 'prices', detail: messageOf(error) });
  }
  const providers = await context.providers(flags.sandbox ?? false);
  for (const provider of providers) {
    try {
      const { address, detail } = await provider.check(AbortSignal.timeout(10_000));
      findings.push({ state: 'ok', subject: provider.name, detail: `${address}: ${detail}` });
      if (provider.batch) findings.push(...(await batchFindings(context, provider, flags.sandbox ?? false)));
    } catch (error) {
      findings.push({ state: 'off', subject: provider.name, detail: messageOf(error) });
    }
  }
  const isUsable = findings.some(
    ({ state, subject }) => state === 'ok' && providers.some(({ name }) => name === subject),
  );
  if (!isUsable) {
    const detail = 'no provider can be used; --sandbox always can (simulated answers)';
    findings.push({ state: 'bad', subject: 'providers', detail });
  }
  if (flags.json) printData(JSON.stringify(findings, undefined, 2));
  else
    for (const { state, subject, detail } of findings)
      printData(escapeForTerminal(`${state.padEnd(4)} ${subject.padEnd(10)} ${detail}`));
  return findings.some((finding) => finding.state === 'bad') ? exitCodes.couldNotRun : exitCodes.succeeded;
}

/** Longest listing that is read here; `adopt --all` reads it to the end. */
const listingTimeMs = 30_000;
const namesShown = 5;

/** Batches that only one side knows of. */
async function batchFindings(context: Context, provider: Provider, simulated: boolean): Promise<Finding[]> {
  if (!existsSync(storePath(context.config.home))) return [];
  const signal = AbortSignal.timeout(listingTimeMs);
  try {
    const offpeak = await context.offpeak(simulated);
    const findings = await lostBatches(await context.store(), provider, signal);
    const orphans: string[] = [];
    let count = 0;
    for await (const { remoteId, rawStatus } of offpeak.listOrphans(provider, signal)) {
      count += 1;
      if (orphans.length < namesShown) orphans.push(`${remoteId} (${rawStatus})`);
    }
    if (count === 0) return findings;
    const more = count > orphans.length ? ` and ${count - orphans.length} more` : '';
    const words = `${count} at ${provider.name} that no run owns: ${orphans.join(', ')}${more}`;
    const command = context.command(`adopt --all${simulated ? ' --sandbox' : ''}`);
    return [...findings, { state: 'look', subject: 'batches', detail: `${words}. Bring them in: ${command}` }];
  } catch (error) {
    const words = signal.aborted ? 'the listing takes too long to read here' : messageOf(error);
    return [{ state: 'look', subject: 'batches', detail: `${provider.name}: ${words}` }];
  }
}

/** Batches of ours that the provider does not know under this key. */
async function lostBatches(store: Store, provider: Provider, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const batch of await store.listBatches({ openOnly: true })) {
    if (batch.account !== provider.account || batch.remoteId === undefined) continue;
    try {
      await provider.batch?.get(batch.remoteId, signal);
    } catch (error) {
      if (!hasCode(error, 'not_found')) throw error;
      const detail = `batch ${batch.id} of run ${batch.runId}: ${messageOf(error)}`;
      findings.push({ state: 'bad', subject: 'batches', detail });
    }
  }
  return findings;
}

function nodeFinding(): Finding {
  return { state: 'ok', subject: 'node', detail: process.version };
}

function diskFinding({ config }: Context): Finding {
  try {
    const path = existsSync(config.home) ? config.home : '.';
    const { bavail, bsize } = statfsSync(path);
    const free = bavail * bsize;
    const detail = `${formatBytes(free)} free for ${config.home}`;
    return { state: free < 256 * 1024 ** 2 ? 'bad' : 'ok', subject: 'disk', detail };
  } catch (error) {
    return { state: 'bad', subject: 'disk', detail: messageOf(error) };
  }
}

async function storeFindings(context: Context): Promise<Finding[]> {
  const path = storePath(context.config.home);
  if (!existsSync(path)) return [{ state: 'ok', subject: 'store', detail: `${path} (made by the first run)` }];
  try {
    const store = await context.store();
    const violations = await store.check();
    if (violations.length > 0) return violations.map((detail) => ({ state: 'bad', subject: 'store', detail }));
    const open = await store.listBatches({ openOnly: true });
    const unknown = open.filter((batch) => batch.state === 'unknown' || batch.state === 'submitting');
    return [
      { state: 'ok', subject: 'store', detail: `${path}: sound, all sums agree` },
      { state: 'ok', subject: 'batches', detail: `${open.length} open, ${unknown.length} of them to be reconciled` },
    ];
  } catch (error) {
    return [{ state: 'bad', subject: 'store', detail: messageOf(error) }];
  }
}
