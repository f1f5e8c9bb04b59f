/**
 * An address as it may be shown and logged: what stands behind the `?` is often a key. `secret`: the path is one too, as
 * with the incoming webhooks of chat systems.
 */
export function shownUrl(url: string, path: 'path' | 'secret' = 'path'): string {
  if (url.startsWith('mailto:')) return url;
  if (!URL.canParse(url)) return '(not a URL)';
  const { origin, pathname, search } = new URL(url);
  if (path === 'secret') return pathname === '/' && search === '' ? origin : `${origin}/...`;
  return `${origin}${pathname === '/' ? '' : pathname}${search === '' ? '' : '?...'}`;
}

/** Whom a delivery is for, in an alert: the origin, or the mailbox. */
export function receiverOf(url: string): string {
  return url.startsWith('mailto:') || !URL.canParse(url) ? shownUrl(url) : new URL(url).origin;
}
