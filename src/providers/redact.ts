/** Longest text of a provider that goes into a message of ours. */
const longestWords = 600;

/**
 * Makes another side's words fit for a message: without the key, which a server may echo, on one line, and short. A page
 * of HTML is not worth quoting.
 */
export function createRedact(secret: string | undefined): (words: string) => string {
  return (words) => {
    let text = words.slice(0, 8 * longestWords);
    if (secret && secret.length >= 4) text = text.replaceAll(secret, shortened(secret));
    text = text.replace(/\b(sk|pk|rk)-[A-Za-z0-9_*-]{8,}/g, shortened).replace(/Bearer\s+\S+/gi, 'Bearer …');
    if (/^\s*(<!doctype|<html|<head|<\?xml)/i.test(text)) return 'an HTML page';
    text = text.replace(/\s+/g, ' ').trim();
    return text.length > longestWords ? `${text.slice(0, longestWords)}…` : text;
  };
}

function shortened(secret: string): string {
  return secret.length >= 12 ? `…${secret.slice(-4)}` : '…';
}
