import type { Logger } from 'pino';
import type { Batch } from '../batch.ts';
import { systemClock } from '../clock.ts';
import type { EngineEvent } from '../engine/engine.ts';
import { messageOf, OffpeakError } from '../errors.ts';
import { notePause } from '../service/alerts/account-pauses.ts';
import { batchIdOf } from '../service/public-ids.ts';
import type { ServiceStore } from '../service-store.ts';
import type { Config } from './config.ts';
import { exitCodes } from './exit-codes.ts';

/** What `serve` and `work` have in common: the log, the end, and the engine's words in the log. */

const levels = ['debug', 'info', 'warn', 'error'];

/** JSON lines on stderr: stdout is for the address. */
export async function openLog(config: Config): Promise<Logger> {
  const level = config.text('server.log_level') ?? 'info';
  if (!levels.includes(level)) {
    throw new OffpeakError(`server.log_level must be one of ${levels.join(', ')}; it is ${JSON.stringify(level)}.`, {
      code: 'config',
    });
  }
  const { pino } = await import('pino');
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, pino.destination({ fd: 2, sync: true }));
}

/** What the engine says: a line in the log, of jobs only how many; that an account is left alone is kept for the alert. */
export function createListener(log: Logger, service: ServiceStore): (event: EngineEvent) => void {
  return (event) => {
    if (event.type === 'note') log.info(event.message);
    else if (event.type === 'booked') log.debug({ shown: event.rows.length }, 'results booked');
    else if (event.type === 'batch') log.info(idsOf(event.batch), `batch ${event.batch.state}`);
    else if (event.type === 'paused') {
      log.warn({ account: event.account }, event.message);
      notePause(service, event, systemClock).catch((error: unknown) => log.error(messageOf(error)));
    }
  };
}

function idsOf({ runId, provider, id, requests }: Batch) {
  return { run_id: runId, batch_id: batchIdOf(provider, id), jobs: requests };
}

/** Aborted by the first SIGTERM or Ctrl-C; the second ends the process at once. */
export function untilStopped(log: Logger): AbortSignal {
  const stop = new AbortController();
  const handle = (name: string) => {
    if (stop.signal.aborted) process.exit(exitCodes.interrupted);
    log.info(`${name}: stopping; what is under way is brought to a safe point`);
    stop.abort();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return stop.signal;
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
