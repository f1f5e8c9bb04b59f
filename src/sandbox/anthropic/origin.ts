import type { Call } from '../call.ts';

/** Where the client reached the sandbox: links in answers lead there, so that clients may follow them with their key. */
export function originOf(call: Call): string {
  return `http://${call.request.headers.host ?? '127.0.0.1'}`;
}
