import { describe, expect, test } from 'vitest';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { openStore, storeFolder } from '../queue-fixtures.ts';
import { createSigningSecrets, oldSignsMs } from './signing-secrets.ts';

function twoProcesses() {
  const folder = storeFolder();
  const clock = createFakeClock();
  const stores = [openStore(folder, { now: clock.now }), openStore(folder, { now: clock.now })] as const;
  const make = (store: (typeof stores)[number]) => createSigningSecrets({ service: store.service, clock });
  return { clock, service: stores[0].service, one: make(stores[0]), other: make(stores[1]) };
}

describe('the signing secret', () => {
  test('is made when it is first asked for: 256 bits, unguessable, the same from then on', async () => {
    const { one, other } = twoProcesses();
    const keys = await one.get();
    expect(keys.secrets).toHaveLength(1);
    expect(keys.secrets[0]).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await other.get()).toEqual(keys);
    const { one: elsewhere } = twoProcesses();
    const theirs = await elsewhere.get();
    expect(theirs.secrets).not.toEqual(keys.secrets);
    // Ids of two installations that tell one receiver never meet.
    expect(theirs.installation).not.toBe(keys.installation);
  });

  test('is one, whoever asks for it first', async () => {
    const { one, other } = twoProcesses();
    const asked = Promise.all([one.get(), other.get(), one.get(), other.get()]);
    const all = await asked;
    expect(new Set(all.map(({ secrets }) => secrets[0])).size).toBe(1);
  });

  test('is not made by a process that looked before another made it', async () => {
    const { clock, service, one } = twoProcesses();
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const late = createSigningSecrets({
      clock,
      service: { ...service, changeSettings: (...input) => gate.then(() => service.changeSettings(...input)) },
    });
    const asked = late.get();
    const made = await one.get();
    go();
    expect(await asked).toEqual(made);
    await clock.advance(5_000);
    expect(await one.get()).toEqual(made);
  });

  test('is kept whoever rotates at the same time', async () => {
    const { clock, one, other } = twoProcesses();
    const { installation, secrets } = await one.get();
    const made = await Promise.all([one.rotate(), other.rotate()]);
    await clock.advance(5_000);
    const keys = await one.get();
    expect(await other.get()).toEqual(keys);
    expect(keys.installation).toBe(installation);
    expect(keys.secrets.toSorted()).toEqual([...made, ...secrets].toSorted());
  });

  test('gives way to another: for a day both sign', async () => {
    const { clock, one, other } = twoProcesses();
    const [old] = (await one.get()).secrets;
    await other.get();
    const made = await one.rotate();
    expect((await one.get()).secrets).toEqual([made, old]);
    await clock.advance(5_000);
    expect((await other.get()).secrets).toEqual([made, old]);
    await clock.advance(oldSignsMs);
    expect((await one.get()).secrets).toEqual([made]);
    const again = await one.rotate();
    expect((await one.get()).secrets).toEqual([again, made]);
  });

  test('is never replaced silently when it cannot be read; a rotation mends it', async () => {
    const { clock, service, one } = twoProcesses();
    await service.changeSettings(() => new Map([['webhook_signing', { secrets: 'whsec_canary' }]]), clock.now());
    const refused = one.get();
    await expect(refused).rejects.toMatchObject({ code: 'config' });
    await expect(refused).rejects.not.toThrow(/canary/);
    const made = await one.rotate();
    expect((await one.get()).secrets).toEqual([made]);
  });
});
