/** Longest pause that is believed: a broken clock at the other side must not stop a run for a year. */
const longestPauseMs = 5 * 60_000;

/**
 * How long the provider asked us to wait: `retry-after-ms`, else `retry-after` (seconds or an HTTP date), else the reset
 * of the rate limit that is used up (`x-ratelimit-reset-*`, Go durations such as `6m0s`). Milliseconds, 0 to 5 minutes.
 */
export function retryAfterMs(
  header: (name: string) => string | undefined,
  now: number = Date.now(),
): number | undefined {
  const pause =
    numberIn(header('retry-after-ms')) ?? parseRetryAfter(header('retry-after'), now) ?? rateLimitResetMs(header);
  return pause === undefined ? undefined : Math.min(Math.max(Math.ceil(pause), 0), longestPauseMs);
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}

function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const seconds = numberIn(text);
  if (seconds !== undefined) return seconds * 1000;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time - now;
}

function rateLimitResetMs(header: (name: string) => string | undefined): number | undefined {
  const resets = ['requests', 'tokens'].flatMap((kind) => {
    const ms = parseGoDuration(header(`x-ratelimit-reset-${kind}`));
    return ms === undefined ? [] : [{ ms, usedUp: header(`x-ratelimit-remaining-${kind}`)?.trim() === '0' }];
  });
  const usedUp = resets.filter((reset) => reset.usedUp);
  const relevant = usedUp.length > 0 ? usedUp : resets;
  return relevant.length === 0 ? undefined : Math.max(...relevant.map((reset) => reset.ms));
}

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** `1h2m3.5s` in milliseconds; undefined when any of it is something else. */
export function parseGoDuration(text: string | undefined): number | undefined {
  if (!text || !/^(\d+(\.\d+)?(h|ms|m|us|µs|ns|s))+$/.test(text)) return undefined;
  let sum = 0;
  for (const match of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g)) {
    sum += Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
  }
  return sum;
}
