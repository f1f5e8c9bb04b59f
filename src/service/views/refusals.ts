import { OffpeakError } from '../../errors.ts';

export function notFound(what: string, id: string): OffpeakError {
  return new OffpeakError(`There is no ${what} ${JSON.stringify(id.slice(0, 100))}.`, { code: 'not_found' });
}

/** One of the words that a filter knows. */
export function oneOf<T extends string>(field: string, value: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new OffpeakError(`\`${field}\` must be one of ${known.join(', ')}.`, { code: 'usage' });
}
