import { isOffpeakError, messageOf, OffpeakError } from '../errors.ts';
import type { Offpeak } from '../offpeak.ts';
import { type Provider, parseModel } from '../provider.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { onInterrupt } from './follow.ts';
import { say } from './output.ts';
import { summaryOf } from './summary.ts';
import { formatCount } from './terminal.ts';
import { createWatch } from './watch.ts';

export interface AdoptFlags extends GlobalFlags {
  all?: boolean;
}

/** `offpeak adopt openai:batch_...`: the results of a batch that somebody else submitted, as a run. */
export async function adoptCommand(context: Context, named: readonly string[], flags: AdoptFlags): Promise<number> {
  if ((named.length === 0) === !flags.all) {
    throw new OffpeakError('Name batches, such as openai:batch_abc123, or say --all; `offpeak doctor` lists them.', {
      code: 'usage',
    });
  }
  const watch = createWatch({ quiet: false });
  const interrupt = onInterrupt(watch);
  try {
    const simulated = flags.sandbox ?? false;
    const offpeak = await context.offpeak(simulated, watch.onEvent);
    const providers = await context.providers(simulated);
    const wanted = flags.all
      ? await allOrphans(offpeak, providers, interrupt.stop.signal)
      : named.map((name) => targetOf(name, providers));
    let failed = 0;
    for (const target of wanted) {
      failed += (await adoptOne(context, offpeak, target, interrupt.stop.signal)) ? 0 : 1;
    }
    return failed === 0 ? exitCodes.succeeded : exitCodes.someFailed;
  } catch (error) {
    if (!interrupt.stop.signal.aborted) throw error;
    const same = flags.all ? '--all' : named.join(',');
    say(`Interrupted; nothing is lost. Go on with:  ${context.command(`adopt ${same}`)}`);
    return exitCodes.interrupted;
  } finally {
    interrupt.off();
    await watch.close();
  }
}

interface Target {
  provider: Provider;
  remoteId: string;
}

function targetOf(name: string, providers: readonly Provider[]): Target {
  const parsed = parseModel(name);
  const provider = parsed && providers.find((candidate) => candidate.name === parsed.provider);
  if (parsed && provider) return { provider, remoteId: parsed.model };
  const names = providers.filter(({ batch }) => batch).map((candidate) => candidate.name);
  throw new OffpeakError(
    `${name} names no provider's batch. Write provider:id, with ${names.join(', ')} before the colon.`,
    { code: 'usage' },
  );
}

async function allOrphans(offpeak: Offpeak, providers: readonly Provider[], signal: AbortSignal): Promise<Target[]> {
  const targets: Target[] = [];
  const asked: string[] = [];
  let running = 0;
  for (const provider of providers) {
    if (!provider.batch) continue;
    try {
      for await (const { remoteId, phase, rawStatus } of offpeak.listOrphans(provider, signal)) {
        if (phase === 'ended') targets.push({ provider, remoteId });
        else if (phase === 'running') {
          running += 1;
          say(`${provider.name}:${remoteId} is ${rawStatus}; name it to wait for its end.`);
        }
      }
      asked.push(provider.name);
    } catch (error) {
      // One without a key has no batches of ours.
      if (isOffpeakError(error, 'auth')) continue;
      if (!isOffpeakError(error, 'unavailable', 'batch_unavailable', 'config')) throw error;
      say(`${provider.name} is left out: ${messageOf(error)}`);
    }
  }
  if (asked.length === 0) {
    throw new OffpeakError('No provider could be asked; `offpeak doctor` says what is missing.', { code: 'config' });
  }
  if (targets.length + running === 0) say(`Every batch at ${asked.join(', ')} belongs to a run already.`);
  return targets;
}

async function adoptOne(
  context: Context,
  offpeak: Offpeak,
  { provider, remoteId }: Target,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { run, unreadable } = await offpeak.adopt(provider, remoteId, signal);
    const strange = unreadable > 0 ? ` ${formatCount(unreadable)} lines could not be read.` : '';
    say(`${provider.name}:${remoteId} is run ${run.id} now.${strange}\n${summaryOf(run)}`);
    say(`Results:  ${context.command(`results ${run.id}`)}`);
    return true;
  } catch (error) {
    if (!isOffpeakError(error, 'conflict', 'rejected', 'not_found')) throw error;
    say(`${provider.name}:${remoteId} was not adopted: ${error.message}`);
    return false;
  }
}
