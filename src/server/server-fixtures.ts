import { afterEach } from 'vitest';
import type { Clock } from '../clock.ts';
import type { Token, TokenRole } from '../service-store.ts';
import type { TokenStore } from './auth.ts';
import { createServer, type OffpeakServer, type ServerOptions } from './server.ts';
import { createFakeService, type FakeService } from './service-fixtures.ts';
import { newToken } from './tokens.ts';

export interface FakeTokens extends TokenStore {
  /** Returns the secret. */
  add(role: TokenRole): string;
  revoke(secret: string): void;
  lookups: number;
}

export function createFakeTokens(): FakeTokens {
  const known = new Map<string, Token>();
  const hashes = new Map<string, string>();
  return {
    lookups: 0,
    add(role) {
      const { token, secret, hash } = newToken({ name: role, role, now: 0 });
      known.set(hash, token);
      hashes.set(secret, hash);
      return secret;
    },
    revoke(secret) {
      const token = known.get(hashes.get(secret) ?? '');
      if (token) token.revokedAt = 1;
    },
    async findToken(hash) {
      this.lookups++;
      return known.get(hash);
    },
    listTokens: async () => [...known.values()],
  };
}

export interface Running {
  server: OffpeakServer;
  url: string;
  service: FakeService;
  tokens: FakeTokens;
}

const running: OffpeakServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

/** A server on a free port of this machine, closed after the test. */
export async function startServer(
  options: Partial<ServerOptions> & { service?: FakeService; tokens?: FakeTokens; clock?: Clock } = {},
): Promise<Running> {
  const service = options.service ?? createFakeService();
  const tokens = options.tokens ?? createFakeTokens();
  const server = createServer({ version: '1.2.3', ...options, service, tokens });
  running.push(server);
  const { url } = await server.listen();
  return { server, url, service, tokens };
}

export const json = { 'content-type': 'application/json' };

export function bearer(secret: string): Record<string, string> {
  return { authorization: `Bearer ${secret}` };
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });
}

/** The answer as a test expects it to be. */
export async function read<Shape>(response: Response | Promise<Response>): Promise<Shape> {
  return (await (await response).json()) as Shape;
}

export interface ProblemBody {
  status: number;
  code: string;
  detail: string;
  errors: { field: string; message: string }[];
}

export interface BulkBody {
  job_ids: (string | null)[];
  errors: { index: number; detail: string }[];
}

export const job = { job_type: 'creative_scoring', provider: 'openai', data: { script: 'buy now' } };
