/** JSON that can be parsed and written again without a change of meaning. */

/** Far below the some 5,000 levels at which JSON.stringify overflows the stack, far above any real request. */
const maxDepth = 500;

/** The value, or in words without any of the text (which may be a prompt) why it cannot be used. */
export function parseExactJson(text: string): { value: unknown } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const at = error instanceof Error ? / at position (\d+)/.exec(error.message)?.[1] : undefined;
    return { problem: `is not valid JSON${at === undefined ? '' : ` (at character ${Number(at) + 1})`}` };
  }
  if (isDeeper(value, maxDepth)) return { problem: `is nested deeper than ${maxDepth} levels` };
  if (/\d{16}/.test(text) && hasInexactInteger(text)) {
    return { problem: 'holds a whole number too big to be kept exactly: write it as a string' };
  }
  return { value };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Object.values(value)) if (isDeeper(inner, levels - 1)) return true;
  return false;
}

/** Slow, for the few texts with a long row of digits: JSON.parse with each number's source text. */
function hasInexactInteger(text: string): boolean {
  let found = false;
  JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const isWhole = /^-?\d+$/.test(context?.source ?? '');
    if (typeof value === 'number' && isWhole && !Number.isSafeInteger(value) && context?.source !== String(value)) {
      found = true;
    }
    return value;
  });
  return found;
}
