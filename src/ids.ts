/** Ids a person can read, sort and type; the random part makes two in the same second differ. */

/** A source of random numbers in [0, 1), given in so that tests repeat. */
export type Random = () => number;

const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

export function randomText(length: number, random: Random): string {
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet[Math.floor(random() * alphabet.length)];
  return text;
}

/** `run-20261120-143000-k3f9`: sorts by time, unique within a second. */
export function newRunId(now: number, random: Random): string {
  const iso = new Date(now).toISOString();
  const stamp = `${iso.slice(0, 10).replaceAll('-', '')}-${iso.slice(11, 19).replaceAll(':', '')}`;
  return `run-${stamp}-${randomText(4, random)}`;
}

/** The proof, carried by every custom id of a submission, that a batch found at a provider is ours. */
export function newNonce(random: Random): string {
  return randomText(10, random);
}

/**
 * `op-<nonce>-<job>-<attempt>`, numbers in base 36. At most 64 characters of [A-Za-z0-9_-], which every provider takes
 * (Anthropic's limit is the narrowest).
 */
export function customId(nonce: string, job: number, attempt: number): string {
  return `op-${nonce}-${job.toString(36)}-${attempt.toString(36)}`;
}

const customIdPattern = /^op-([a-z2-9]{10})-([0-9a-z]{1,11})-([0-9a-z]{1,4})$/;

/** The parts of one of our custom ids; undefined for anything else, compared byte by byte. */
export function parseCustomId(id: string): { nonce: string; job: number; attempt: number } | undefined {
  const match = customIdPattern.exec(id);
  if (!match?.[1] || !match[2] || !match[3]) return undefined;
  const parsed = { nonce: match[1], job: Number.parseInt(match[2], 36), attempt: Number.parseInt(match[3], 36) };
  return customId(parsed.nonce, parsed.job, parsed.attempt) === id ? parsed : undefined;
}
