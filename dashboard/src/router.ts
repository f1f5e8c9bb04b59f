import { createStore, useStore } from './store.ts';

/** A small router on the history API: the address is the only state of what is looked at. */

export interface Place {
  path: string;
  /** With its question mark, or empty. */
  search: string;
  /** Grows with each step to another page: a click on the link of this very page is one too. */
  visit: number;
}

const readPlace = (visit: number): Place => ({ path: location.pathname, search: location.search, visit });
const place = createStore<Place>(readPlace(0));

export const usePlace = (): Place => useStore(place);

/** Another page: from its top. */
export function navigate(to: string): void {
  history.pushState(null, '', to);
  place.set(readPlace(place.get().visit + 1));
}

/** The same page with other filters: neither the focus nor the scroll position moves. */
export function changeQuery(change: Readonly<Record<string, string | undefined>>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value === '') query.delete(name);
    else query.set(name, value);
  }
  const search = query.size > 0 ? `?${query}` : '';
  if (search === location.search) return;
  history.replaceState(null, '', `${location.pathname}${search}`);
  place.set(readPlace(place.get().visit));
}

export const useQuery = (): URLSearchParams => new URLSearchParams(usePlace().search);

/** Follows the buttons of the browser and every link to a page of ours. Returns what ends it. */
export function startRouter(isPage: (path: string) => boolean): () => void {
  const onPop = () => {
    // A step inside the page, as to its content by keyboard, is none to another.
    if (location.pathname === place.get().path && location.search === place.get().search) return;
    place.set(readPlace(place.get().visit + 1));
  };
  const onClick = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link?.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (!isPage(link.pathname) || link.hash !== '') return;
    event.preventDefault();
    navigate(`${link.pathname}${link.search}`);
  };
  window.addEventListener('popstate', onPop);
  document.addEventListener('click', onClick);
  return () => {
    window.removeEventListener('popstate', onPop);
    document.removeEventListener('click', onClick);
  };
}

/** `/runs/:id` against `/runs/a%20b` is `{ id: 'a b' }`; undefined: it is another page. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.replace(/(.)\/$/, '$1').split('/');
  if (wanted.length !== given.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? '';
    if (!part.startsWith(':')) {
      if (part !== text) return undefined;
      continue;
    }
    const value = decode(text);
    if (!value) return undefined;
    found[part.slice(1)] = value;
  }
  return found;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The address of a page about one thing, whatever is in its id. */
export const linkTo = (kind: 'runs' | 'batches' | 'jobs' | 'deliveries', id: string | number): string =>
  `/${kind}/${encodePart(id)}`;

/** Half a character of UTF-16, which names may hold, has no code in an address: it is replaced, not thrown at. */
export const encodePart = (part: string | number): string => encodeURIComponent(String(part).toWellFormed());
