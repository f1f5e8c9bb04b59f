import { hash, randomBytes } from 'node:crypto';
import type { Token, TokenRole } from '../service-store.ts';

/** A token is shown once, when it is made; the store knows its SHA-256 only. */

const pattern = /^op_[A-Za-z0-9_-]{43}$/;

export function isTokenText(text: string): boolean {
  return pattern.test(text);
}

/** 256 bits of chance: a fast hash is enough, there is nothing to guess. */
export function newToken(input: { name: string; role: TokenRole; now: number }): {
  token: Token;
  secret: string;
  hash: string;
} {
  const secret = `op_${randomBytes(32).toString('base64url')}`;
  const id = `tok_${randomBytes(6).toString('hex')}`;
  return {
    token: { id, name: input.name, role: input.role, createdAt: input.now },
    secret,
    hash: hashToken(secret),
  };
}

/** As it is stored: lower-case hexadecimal. */
export function hashToken(secret: string): string {
  return hash('sha256', secret, 'hex');
}
