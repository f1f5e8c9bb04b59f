import { systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { notePause } from '../service/alerts/account-pauses.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { keepWorking } from './keep-working.ts';
import { logEvent, openLog, untilStopped } from './service-process.ts';

/** `offpeak work`: a worker without a server; any number of them on one store. */
export async function workCommand(context: Context, flags: GlobalFlags): Promise<number> {
  const log = await openLog(context.config);
  const signal = untilStopped(log);
  const simulated = flags.sandbox ?? false;
  const providers = await context.readyProviders(simulated);
  const { service } = await context.store();
  const offpeak = await context.offpeak(
    simulated,
    (event) => {
      logEvent(log, event);
      if (event.type !== 'paused') return;
      notePause(service, event, systemClock).catch((error: unknown) => log.error(messageOf(error)));
    },
    providers,
  );
  log.info({ providers: providers.map(({ name }) => name) }, 'working');
  await keepWorking(offpeak, signal, log).ended;
  return exitCodes.succeeded;
}
