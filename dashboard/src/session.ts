import { createStore } from './store.ts';

/** The token of this tab. It stays in the tab's own storage and leaves with it. */
const storageKey = 'offpeak.token';

export interface Session {
  token: string | undefined;
  /** The server has refused the token, or wants one. */
  isSignedOut: boolean;
  /** What the server said about it. */
  reason: string | undefined;
}

export const session = createStore<Session>({ token: readToken(), isSignedOut: false, reason: undefined });

export function signIn(token: string): void {
  try {
    sessionStorage.setItem(storageKey, token);
  } catch {
    // Storage is blocked: the token lives as long as the page.
  }
  session.set({ token, isSignedOut: false, reason: undefined });
}

/** Without a reason: on the user's own wish. */
export function signOut(reason?: string): void {
  try {
    sessionStorage.removeItem(storageKey);
  } catch {
    // There is nothing to remove.
  }
  session.set({ token: undefined, isSignedOut: true, reason });
}

function readToken(): string | undefined {
  try {
    return sessionStorage.getItem(storageKey) ?? undefined;
  } catch {
    return undefined;
  }
}
