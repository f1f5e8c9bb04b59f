import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { estimateTokens } from '../answers/prompt.ts';
import { asArray, isObject, type JsonObject } from '../json.ts';
import type { SandboxState } from '../state.ts';
import { blocksOf, imageOf, textOf } from './read-params.ts';

/**
 * The cached prefixes an account may read at one moment, and where new ones are written down. Rows of one batch do not
 * see each other's writes: started cold, every one of them writes. That is the worst case, which priming avoids.
 */
export interface PrefixCache {
  has(hash: string): boolean;
  add(hash: string, ttlMs: number): void;
}

/** A place in the prompt marked with `cache_control`: everything up to it is one prefix. */
interface Breakpoint {
  hash: string;
  tokens: number;
  ttl: '5m' | '1h';
}

/** How many tokens of a prompt came from the cache or went into it. */
export interface CacheUse {
  read: number;
  write5m: number;
  write1h: number;
}

const TTL_MS = { '5m': 300_000, '1h': 3_600_000 };
const IMAGE_TOKENS = 765;
const NO_USE: CacheUse = { read: 0, write5m: 0, write1h: 0 };

/** Looks the prompt's prefixes up and adds them. `bodyText` is only searched for a sign that there are any. */
export function useCache(cache: PrefixCache, params: JsonObject, bodyText: string): CacheUse {
  if (!bodyText.includes('"cache_control"')) return NO_USE;
  const breakpoints = breakpointsOf(params);
  const longest = breakpoints.findLastIndex(({ hash }) => cache.has(hash));
  const use = { ...NO_USE, read: breakpoints[longest]?.tokens ?? 0 };
  let before = use.read;
  for (const { tokens, ttl } of breakpoints.slice(longest + 1)) {
    if (ttl === '5m') use.write5m += tokens - before;
    else use.write1h += tokens - before;
    before = tokens;
  }
  // Also those that were read: reading prolongs their life.
  for (const { hash, ttl } of breakpoints) cache.add(hash, TTL_MS[ttl]);
  return use;
}

function breakpointsOf(params: JsonObject): Breakpoint[] {
  const blocks = [
    ...asArray(params.tools).filter(isObject),
    ...blocksOf(params.system).map((block) => ({ role: 'system', ...block })),
    ...asArray(params.messages)
      .filter(isObject)
      .flatMap(({ role, content }) => blocksOf(content).map((block): JsonObject => ({ role, ...block }))),
  ];
  const found: Breakpoint[] = [];
  const digest = createHash('sha256').update(String(params.model));
  let characters = 0;
  let imageTokens = 0;
  for (const [i, block] of blocks.entries()) {
    const { cache_control: own, ...content } = block as JsonObject;
    const text = JSON.stringify(content);
    digest.update(text).update('\n');
    characters += textOf(content).length;
    if (imageOf(content) !== undefined) imageTokens += IMAGE_TOKENS;
    // At the top of the body it marks the last block.
    const control = own ?? (i === blocks.length - 1 ? params.cache_control : undefined);
    if (!isObject(control)) continue;
    const ttl = control.ttl === '1h' ? '1h' : '5m';
    found.push({ hash: digest.copy().digest('hex'), tokens: estimateTokens(characters) + imageTokens, ttl });
  }
  return found;
}

const TABLE = `CREATE TABLE IF NOT EXISTS anthropic_prefixes (
  account TEXT NOT NULL, hash TEXT NOT NULL, batch_id TEXT NOT NULL, from_ms REAL NOT NULL, ttl_ms REAL NOT NULL,
  PRIMARY KEY (account, hash, batch_id)) WITHOUT ROWID`;

export function createPrefixTable(database: DatabaseSync): void {
  database.exec(TABLE);
}

/** What rows of a batch that starts at `nowMs` see; their own writes count from the end of their batch on. */
export function batchCache(state: SandboxState, account: string, batchId: string, nowMs: number): PrefixCache {
  return remembering(prefixCache(state, { account, batchId, nowMs }));
}

/** What a realtime call sees and leaves. */
export function realtimeCache(state: SandboxState, account: string): PrefixCache {
  return prefixCache(state, { account, batchId: '', nowMs: state.clock.now() });
}

function prefixCache(
  { database }: SandboxState,
  { account, batchId, nowMs }: { account: string; batchId: string; nowMs: number },
): PrefixCache {
  // Totals are there from the end of a batch on; one that delivered nothing has read and written nothing either.
  const select = database.prepare(
    `SELECT 1 FROM anthropic_prefixes p LEFT JOIN batches b ON b.id = p.batch_id
     WHERE p.account = ?1 AND p.hash = ?2
       AND (p.batch_id = '' OR json_extract(b.record, '$.totals.completed') > 0)
       AND coalesce(b.ends_ms, p.from_ms) <= ?3 AND coalesce(b.ends_ms, p.from_ms) + p.ttl_ms > ?3 LIMIT 1`,
  );
  const insert = database.prepare(
    `INSERT INTO anthropic_prefixes (account, hash, batch_id, from_ms, ttl_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET from_ms = excluded.from_ms, ttl_ms = max(ttl_ms, excluded.ttl_ms)`,
  );
  return {
    has: (hash) => select.get(account, hash, nowMs) !== undefined,
    add: (hash, ttlMs) => {
      insert.run(account, hash, batchId, nowMs, ttlMs);
    },
  };
}

const MOST_REMEMBERED = 10_000;

/** A batch's rows mostly share their prefix: it is looked up and added once. */
function remembering(cache: PrefixCache): PrefixCache {
  const known = new Map<string, boolean>();
  const added = new Map<string, number>();
  return {
    has(hash) {
      const before = known.get(hash);
      if (before !== undefined) return before;
      const has = cache.has(hash);
      if (known.size < MOST_REMEMBERED) known.set(hash, has);
      return has;
    },
    add(hash, ttlMs) {
      if ((added.get(hash) ?? 0) >= ttlMs) return;
      cache.add(hash, ttlMs);
      if (added.size < MOST_REMEMBERED) added.set(hash, ttlMs);
    },
  };
}
