import { type ErrorCode, messageOf, OffpeakError } from '../../errors.ts';

/** SQLite's primary result codes that a user can do something about (sqlite.org/rescode.html). */
const remedies: Readonly<Record<number, { code: ErrorCode; retryable: boolean; words: string }>> = {
  5: { code: 'store_locked', retryable: true, words: 'is locked by another process; wait for it, or end it' },
  6: { code: 'store_locked', retryable: true, words: 'is locked by another process; wait for it, or end it' },
  8: { code: 'store_failed', retryable: false, words: 'cannot be written; check its permissions and its file system' },
  10: { code: 'store_failed', retryable: true, words: 'cannot be read or written; check the disk' },
  11: {
    code: 'store_corrupt',
    retryable: false,
    words: 'is damaged; nothing was changed. Keep the file, restore a copy, and ask for help',
  },
  13: {
    code: 'store_full',
    retryable: true,
    words: 'cannot grow: the disk is full. Nothing is lost; free some space and start again',
  },
  14: { code: 'store_failed', retryable: false, words: 'cannot be opened; check that its folder exists and is yours' },
  26: { code: 'store_corrupt', retryable: false, words: 'is not an Offpeak store; name another place with --home' },
};

/** Any fault of the database as our own error, with the place and the remedy. */
export function storeError(error: unknown, path: string): OffpeakError {
  if (error instanceof OffpeakError) return error;
  const errno = systemCode(error);
  if (errno === 'ENOSPC') return make(remedies[13], path, error);
  const primary = sqliteCode(error);
  const known = primary === undefined ? undefined : remedies[primary];
  if (known) return make(known, path, error);
  return new OffpeakError(`The store ${path} failed: ${messageOf(error)}`, { code: 'store_failed', cause: error });
}

function make(remedy: (typeof remedies)[number] | undefined, path: string, cause: unknown): OffpeakError {
  if (!remedy)
    return new OffpeakError(`The store ${path} failed: ${messageOf(cause)}`, { code: 'store_failed', cause });
  const detail = messageOf(cause);
  return new OffpeakError(`The store ${path} ${remedy.words}. (${detail})`, {
    code: remedy.code,
    retryable: remedy.retryable,
    cause,
  });
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  // Extended codes carry the primary one in the low byte.
  return error.errcode & 0xff;
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
