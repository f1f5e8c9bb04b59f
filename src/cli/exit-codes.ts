import { type ErrorCode, isOffpeakError } from '../errors.ts';

/** What a command's exit code tells a script. */
export const exitCodes = {
  /** All jobs succeeded; the command did what was asked. */
  succeeded: 0,
  /** Some jobs failed, were skipped or cancelled. */
  someFailed: 1,
  /** Wrong flag, missing argument, nothing configured: nothing was done. */
  usage: 2,
  /** Could not run: store, provider or disk. */
  couldNotRun: 3,
  /** Ctrl-C; the work goes on when it is started again. */
  interrupted: 130,
} as const;

const usageCodes: readonly ErrorCode[] = ['usage', 'config', 'not_found'];

export function exitCodeOf(error: unknown): number {
  if (!isOffpeakError(error)) return exitCodes.couldNotRun;
  if (error.code === 'aborted') return exitCodes.interrupted;
  return usageCodes.includes(error.code) ? exitCodes.usage : exitCodes.couldNotRun;
}
