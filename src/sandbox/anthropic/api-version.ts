import type { CallHead } from '../front.ts';

/** The two live contracts (contract section 2.1); the later one is stricter. */
export type ApiVersion = '2023-06-01' | '2026-10-21';

const VERSIONS: readonly string[] = ['2023-06-01', '2026-10-21'] satisfies ApiVersion[];

/** The version asked for, or what is wrong with the header. */
export function readVersion({ headers }: Pick<CallHead, 'headers'>): { version: ApiVersion } | { problem: string } {
  const given = headers['anthropic-version'];
  if (given === undefined) return { problem: 'anthropic-version: header is required' };
  const text = String(given);
  if (!VERSIONS.includes(text)) return { problem: `anthropic-version: "${text}" is not a valid version` };
  return { version: text as ApiVersion };
}

/** For handlers: the front has refused every other version before. */
export function versionOf(head: Pick<CallHead, 'headers'>): ApiVersion {
  const read = readVersion(head);
  return 'version' in read ? read.version : '2023-06-01';
}
