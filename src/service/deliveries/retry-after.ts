/** The header's seconds, or its date, from now; undefined when it is neither. */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // A date begins with the name of its day; anything looser would make numbers and words into years.
  const at = /^[A-Z][a-z]{2}[a-z]*, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
