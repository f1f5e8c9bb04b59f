import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSqliteStore, type SqliteStore } from './sqlite-store.ts';

const now = Date.UTC(2026, 10, 20, 12);
const delivery = { event: 'run.ended', url: 'https://example.com/', body: '{}' };

let folder: string;
let store: SqliteStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offpeak-outbox-'));
  store = createSqliteStore({ path: join(folder, 'offpeak.db'), now: () => now });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const count = async () => (await store.service.listDeliveries({ limit: 10 })).length;

describe('what is planned from a feed', () => {
  test('is added with the move of the cursor, by the first alone', async () => {
    const { service } = store;
    expect(await service.getCursor('feed')).toBeUndefined();
    expect(await service.planFrom({ name: 'feed', from: undefined, to: 5 }, [delivery], now)).toBe(true);
    expect(await service.planFrom({ name: 'feed', from: undefined, to: 9 }, [delivery], now)).toBe(false);
    expect(await service.planFrom({ name: 'feed', from: 4, to: 9 }, [delivery], now)).toBe(false);
    expect([await service.getCursor('feed'), await count()]).toEqual([5, 1]);
    expect(await service.planFrom({ name: 'feed', from: 5, to: 9 }, [delivery, delivery], now)).toBe(true);
    expect([await service.getCursor('feed'), await count()]).toEqual([9, 3]);
    expect(await service.getCursor('another')).toBeUndefined();
  });

  test('is added as a whole or not at all', async () => {
    const { service } = store;
    const broken = {
      ...delivery,
      get body(): string {
        throw new Error('broken');
      },
    };
    await expect(service.planFrom({ name: 'feed', from: undefined, to: 5 }, [delivery, broken], now)).rejects.toThrow();
    expect([await service.getCursor('feed'), await count()]).toEqual([undefined, 0]);
  });
});

describe('a delivery that is given back', () => {
  const lease = { owner: 'a', until: now + 60_000 };
  const claimOne = async () => {
    await store.service.planFrom({ name: 'feed', from: undefined, to: 1 }, [delivery], now);
    const [claimed] = await store.service.claimDeliveries(lease.owner, now, lease.until, 1);
    return claimed?.id ?? 0;
  };

  test('is claimed again from then on, with no attempt on it', async () => {
    const { service } = store;
    const id = await claimOne();
    await service.postponeDelivery(id, lease, now + 1_000);
    expect(await service.claimDeliveries('b', now + 999, now + 60_000, 1)).toEqual([]);
    expect(await service.claimDeliveries('b', now + 1_000, now + 60_000, 1)).toMatchObject([{ id, attempts: 0 }]);
  });

  test('stays as it is when something has come of it meanwhile', async () => {
    const { service } = store;
    const id = await claimOne();
    await service.bookDelivery(id, lease, { at: now, durationMs: 1, status: 500 }, 'pending', now + 5_000);
    await service.postponeDelivery(id, lease, now);
    expect((await service.getDelivery(id))?.delivery.nextAt).toBe(now + 5_000);
    await service.bookDelivery(id, lease, { at: now, durationMs: 1, status: 200 }, 'delivered');
    await service.postponeDelivery(id, lease, now);
    expect(await service.claimDeliveries('b', now + 1_000, now + 60_000, 1)).toEqual([]);
  });
});
