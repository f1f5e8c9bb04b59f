import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { OffpeakError } from '../errors.ts';
import { type ServiceStore, type Token, type TokenRole, tokenRoles } from '../service-store.ts';
import { HttpProblem, tooMany } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';
import { hashToken, isTokenText } from './tokens.ts';

export type TokenStore = Pick<ServiceStore, 'findToken' | 'listTokens'>;

/** Who asks: a token, or anybody on this machine while there is none. */
export interface Caller {
  /** Keeps one caller's idempotency keys apart from another's; safe to log. */
  id: string;
  role: TokenRole;
}

/** What a route asks for. `open` needs no token: nothing of the store is behind it. */
export type RouteRole = 'open' | TokenRole;

/** Of Node's request: the address is looked up only for tokens that are not known. */
export interface AskingRequest {
  rawHeaders: readonly string[];
  socket: { remoteAddress?: string | undefined };
}

export const anybody: Caller = { id: 'open', role: 'admin' };

export interface Authenticator {
  /** Whether the server answers without a token. */
  start(): Promise<'open' | 'tokens'>;
  /**
   * Who it is, or throws 401. A token that was seen in the last seconds needs no look at the store; an address that
   * tries many unknown ones is answered 429 without one.
   */
  authenticate(request: AskingRequest): Caller | Promise<Caller>;
}

/** Tokens kept in memory, known and unknown ones. */
const cacheSize = 1_000;

interface Seen {
  digest: Buffer;
  caller: Caller | undefined;
  until: number;
}

/** `host`: where the server is bound; beyond this machine nothing is answered without a token. */
export function createAuthenticator(options: {
  store: TokenStore;
  clock: Clock;
  host: string;
  tokenMs: number;
  refusalsPerSecond: number;
}): Authenticator {
  const { store, clock, tokenMs } = options;
  const refusals = createRateLimit({ perSecond: options.refusalsPerSecond, clock });
  const seen = new Map<string, Seen>();
  // Only a machine's own programs may ask without a token, and only while nobody made one.
  let open = false;
  let checkAt = 0;

  const look = async (secret: string, key: string, digest: Buffer, address: string): Promise<Caller> => {
    // One that was good before is looked up whatever else its address does: nobody locks out his neighbours.
    const wait = seen.get(key)?.caller ? 0 : refusals.wait(address);
    if (wait > 0) throw tooMany('Too many unknown tokens from this address.', wait);
    const token = await store.findToken(hashToken(secret));
    const caller = token === undefined || token.revokedAt !== undefined ? undefined : callerOf(token);
    if (seen.size >= cacheSize) for (const oldest of seen.keys()) if (seen.delete(oldest)) break;
    seen.delete(key);
    seen.set(key, { digest, caller, until: clock.now() + tokenMs });
    if (!caller) refusals.take(address);
    return known(caller);
  };

  const withToken = (request: AskingRequest): Caller | Promise<Caller> => {
    const secret = secretOf(request.rawHeaders);
    const hex = hashToken(secret);
    const digest = Buffer.from(hex, 'latin1');
    // Looked up by a part; the whole is compared in constant time.
    const key = hex.slice(0, 16);
    const entry = seen.get(key);
    if (!entry || entry.until <= clock.now() || !timingSafeEqual(entry.digest, digest))
      return look(secret, key, digest, request.socket.remoteAddress ?? '');
    return known(entry.caller);
  };

  const checkOpen = async (): Promise<void> => {
    // Revoked ones count: whoever revokes the last token does not open the door.
    open = (await store.listTokens()).length === 0;
    checkAt = clock.now() + tokenMs;
  };

  return {
    async start() {
      const tokens = await store.listTokens();
      open = tokens.length === 0 && isLoopback(options.host);
      checkAt = clock.now() + tokenMs;
      if (!isLoopback(options.host) && !tokens.some((token) => token.revokedAt === undefined)) {
        throw new OffpeakError(
          `${options.host} is reachable from other machines, and there is no token: make one with ` +
            '"offpeak token create NAME --role admin", or listen on 127.0.0.1.',
          { code: 'config' },
        );
      }
      return open ? 'open' : 'tokens';
    },
    authenticate(request) {
      if (!open) return withToken(request);
      if (clock.now() < checkAt) return anybody;
      return checkOpen().then(() => (open ? anybody : withToken(request)));
    },
  };
}

export function mayUse(role: TokenRole, needed: TokenRole): boolean {
  return tokenRoles.indexOf(role) >= tokenRoles.indexOf(needed);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function callerOf(token: Token): Caller {
  return { id: token.id, role: token.role };
}

function known(caller: Caller | undefined): Caller {
  if (caller) return caller;
  throw unauthorized('The token is unknown or was revoked; "offpeak token list" shows those that are valid.', true);
}

/** Node drops a second Authorization header silently; here it is refused, as two cannot both be meant. */
function secretOf(rawHeaders: readonly string[]): string {
  let value: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length !== 13 || name.toLowerCase() !== 'authorization') continue;
    if (value !== undefined) throw unauthorized('There are two Authorization headers; send one.', true);
    value = rawHeaders[i + 1];
  }
  if (value === undefined) throw unauthorized('Send a token: Authorization: Bearer op_...', false);
  const secret = /^bearer +(\S+)$/i.exec(value)?.[1];
  if (secret === undefined || !isTokenText(secret)) {
    throw unauthorized('The Authorization header must be: Bearer op_..., as "offpeak token create" printed it.', true);
  }
  return secret;
}

function unauthorized(detail: string, given: boolean): HttpProblem {
  const challenge = `Bearer realm="offpeak"${given ? ', error="invalid_token"' : ''}`;
  return new HttpProblem(401, { code: 'unauthorized', detail, headers: { 'www-authenticate': challenge } });
}
