import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { keepWorking } from './keep-working.ts';
import { createListener, openLog, untilStopped } from './service-process.ts';

/** `offpeak work`: a worker without a server; any number of them on one store. */
export async function workCommand(context: Context, flags: GlobalFlags): Promise<number> {
  const log = await openLog(context.config);
  const signal = untilStopped(log);
  const simulated = flags.sandbox ?? false;
  const providers = await context.readyProviders(simulated);
  const { service } = await context.workingStore();
  const offpeak = await context.serviceOffpeak(simulated, createListener(log, service), providers);
  log.info({ providers: providers.map(({ name }) => name) }, 'working');
  await keepWorking(offpeak, signal, log).ended;
  return exitCodes.succeeded;
}
