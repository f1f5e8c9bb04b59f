/** Errors of the operating system, in words for a person and without the path. */

export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return codes.length === 0 ? 'syscall' in error : codes.includes(error.code);
}

/** `permission denied (EACCES)`, out of Node's "EACCES: permission denied, open '/a/path'". */
export function errnoWords(error: unknown): string {
  if (!isErrno(error)) return error instanceof Error ? error.name : 'unknown error';
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1];
  return words ? `${words} (${error.code})` : String(error.code);
}
