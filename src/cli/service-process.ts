import type { Logger } from 'pino';
import type { EngineEvent } from '../engine/engine.ts';
import { OffpeakError } from '../errors.ts';
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

/** A line for each change of a batch and each word of the engine; of jobs only how many. */
export function logEvent(log: Logger, event: EngineEvent): void {
  if (event.type === 'note') log.info(event.message);
  else if (event.type === 'paused') log.warn({ account: event.account }, event.message);
  else if (event.type === 'batch') {
    const { batch } = event;
    log.info(
      { run_id: batch.runId, batch_id: `${batch.provider}_${batch.id}`, jobs: batch.requests },
      `batch ${batch.state}`,
    );
  } else if (event.type === 'booked') log.debug({ shown: event.rows.length }, 'results booked');
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
