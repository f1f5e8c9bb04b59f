import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MakeStoreOptions } from '../../testing/store/context.ts';
import { createSqliteStore, type SqliteStore } from './sqlite-store.ts';

/** A store in a folder of its own, with as many connections as a test asks for. */
export async function makeSqliteStore(options: MakeStoreOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-store-'));
  const path = join(folder, 'offpeak.db');
  const owner = options.owner ?? 'first';
  const now = options.now ?? Date.now;
  const opened: SqliteStore[] = [];
  const open = (name: string, isAlive: (other: string) => boolean) => {
    const store = createSqliteStore({ path, owner: name, now, isAlive });
    opened.push(store);
    return store;
  };
  return {
    store: open(owner, () => true),
    second: async () => open(`second-${opened.length}`, () => true),
    reopen: async () => open(`reopened-${opened.length}`, (other) => other !== owner),
    close: async () => {
      for (const store of opened) await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}
