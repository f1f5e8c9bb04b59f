import { createStore } from './store.ts';

/** Light or dark: the system's, or the one that was chosen here. `theme.js` sets it before the first paint. */
export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storageKey = 'offpeak.theme';
const chosen = document.documentElement.dataset.theme;
export const theme = createStore<Theme>(chosen === 'light' || chosen === 'dark' ? chosen : 'system');

export function chooseTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, next);
  } catch {
    // Storage is blocked: it lasts as long as the page.
  }
  theme.set(next);
}

/** Called when the colours change, whoever changes them. Returns what ends it. */
export function onColours(listener: () => void): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)');
  query.addEventListener('change', listener);
  const end = theme.subscribe(listener);
  return () => {
    query.removeEventListener('change', listener);
    end();
  };
}
