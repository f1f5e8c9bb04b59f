import { expect, test } from 'vitest';
import type { Token } from '../../service-store.ts';
import { start } from '../store/context.ts';
import type { ServedContext } from './context.ts';

export function testSettings(context: ServedContext): void {
  const set = (values: Record<string, unknown>, now = start) =>
    context.service.changeSettings(() => new Map(Object.entries(values)), now);

  test('values by name, the last one counts, seen by everybody and after a restart', async () => {
    const { service } = context;
    expect(await service.getSettings()).toEqual(new Map());
    const triggers = { count: 10, age_minutes: null, nested: ['a', { b: true }], 'a"b\u0000': '\u2028' };
    await set({ triggers: { count: 1 }, other: undefined });
    await service.changeSettings(() => new Map([['__proto__', 'x']]), start);
    const expected = new Map<string, unknown>([
      ['__proto__', 'x'],
      ['other', null],
      ['triggers', triggers],
    ]);
    expect(await set({ triggers }, start + 1)).toEqual(expected);
    expect(await set({})).toEqual(expected);
    expect(await (await context.second()).service.getSettings()).toEqual(expected);
    expect(await (await context.reopen()).service.getSettings()).toEqual(expected);
  });

  test('of many that change one at once, none is lost', async () => {
    const stores = [context.store, await context.second(), await context.second()];
    const add = (name: string) => (settings: ReadonlyMap<string, unknown>) => {
      const before = settings.get('names');
      return new Map([['names', [...(Array.isArray(before) ? before : []), name]]]);
    };
    const names = Array.from({ length: 30 }, (_, i) => `name-${i}`);
    await Promise.all(
      names.map((name, i) => (stores[i % 3] ?? context.store).service.changeSettings(add(name), start)),
    );
    const kept = (await context.service.getSettings()).get('names');
    expect(Array.isArray(kept) ? kept.toSorted() : kept).toEqual(names.toSorted());
  });

  test('several are set together, or none of them', async () => {
    const { service } = context;
    await set({ a: 1 });
    // What has no JSON text cannot be stored.
    await expect(set({ a: 2, b: 2n, c: 2 })).rejects.toMatchObject({ code: 'store_failed' });
    expect(await service.getSettings()).toEqual(new Map([['a', 1]]));
    expect(await set({ a: 3, b: 3 })).toEqual(new Map(Object.entries({ a: 3, b: 3 })));
  });

  test('who decides may refuse: nothing is set, and the refusal is told as it is', async () => {
    const { service } = context;
    await set({ a: 1 });
    const refusal = new RangeError('not so');
    const refused = service.changeSettings(() => {
      throw refusal;
    }, start);
    await expect(refused).rejects.toBe(refusal);
    expect(await set({ b: 2 })).toEqual(new Map(Object.entries({ a: 1, b: 2 })));
  });
}

export function testTokens(context: ServedContext): void {
  const token = (id: string, change: Partial<Token> = {}): Token => ({
    id,
    name: `token ${id}`,
    role: 'queue',
    createdAt: start,
    ...change,
  });

  test('a token is found by its hash, until it is revoked', async () => {
    const { service } = context;
    await service.addToken(token('a', { role: 'admin' }), 'hash-a');
    await service.addToken(token('b', { createdAt: start + 1 }), 'hash-b');
    expect(await service.findToken('hash-a')).toEqual(token('a', { role: 'admin' }));
    expect(await service.findToken('hash-')).toBeUndefined();
    expect(await service.findToken('HASH-A')).toBeUndefined();
    expect(await service.revokeToken('a', start + 5)).toBe(true);
    expect(await service.revokeToken('a', start + 6)).toBe(false);
    expect(await service.revokeToken('c', start)).toBe(false);
    expect(await service.findToken('hash-a')).toBeUndefined();
    expect(await (await context.second()).service.findToken('hash-a')).toBeUndefined();
    expect(await service.listTokens()).toEqual([
      token('a', { role: 'admin', revokedAt: start + 5 }),
      token('b', { createdAt: start + 1 }),
    ]);
  });

  test('neither an id nor a secret is given twice', async () => {
    const { service } = context;
    await service.addToken(token('a'), 'hash-a');
    await expect(service.addToken(token('a'), 'hash-b')).rejects.toMatchObject({ code: 'conflict' });
    const twice = service.addToken(token('b'), 'hash-a');
    await expect(twice).rejects.toMatchObject({ code: 'conflict', message: expect.not.stringContaining('hash-a') });
    expect(await service.listTokens()).toHaveLength(1);
  });
}

export function testDuties(context: ServedContext): void {
  test('one owner at a time; it renews, and what it lets lapse goes to the next', async () => {
    const { service } = context;
    const other = (await context.second()).service;
    expect(await service.claimDuty('alerts', 'a', start, start + 100)).toBe(true);
    expect(await other.claimDuty('alerts', 'b', start + 50, start + 150)).toBe(false);
    expect(await other.claimDuty('schedule', 'b', start + 50, start + 150)).toBe(true);
    expect(await service.claimDuty('alerts', 'a', start + 90, start + 200)).toBe(true);
    expect(await other.claimDuty('alerts', 'b', start + 199, start + 300)).toBe(false);
    expect(await other.claimDuty('alerts', 'b', start + 200, start + 300)).toBe(true);
    expect(await service.claimDuty('alerts', 'a', start + 201, start + 301)).toBe(false);
  });

  test('of many that ask at once one has it', async () => {
    const stores = [context.store, await context.second(), await context.second()];
    for (let round = 0; round < 20; round++) {
      const won = await Promise.all(
        stores.map(({ service }, i) => service.claimDuty(`duty-${round}`, `owner-${i}`, start, start + 100)),
      );
      expect(won.filter((isOurs) => isOurs)).toHaveLength(1);
    }
  });

  test('who stops gives its duties back, and no others', async () => {
    const { service } = context;
    await service.claimDuty('alerts', 'a', start, start + 100);
    await service.claimDuty('schedule', 'b', start, start + 100);
    await service.releaseDuties('a');
    expect(await service.claimDuty('alerts', 'c', start, start + 100)).toBe(true);
    expect(await service.claimDuty('schedule', 'c', start, start + 100)).toBe(false);
  });

  test('so does who was killed, as soon as that is noticed', async () => {
    const { service, store } = context;
    await service.claimDuty('alerts', 'dead', start, start + 100);
    await store.releaseOwner('dead', start);
    expect(await service.claimDuty('alerts', 'c', start, start + 100)).toBe(true);
  });

  test('a clock that was set back leaves no duty undone', async () => {
    const { service } = context;
    const tomorrow = start + 86_400_000;
    await service.claimDuty('alerts', 'a', tomorrow, tomorrow + 60_000);
    expect(await service.claimDuty('alerts', 'b', start, start + 60_000)).toBe(true);
  });
}
