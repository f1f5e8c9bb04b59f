import type { Clock } from '../../clock.ts';
import { isOffpeakError } from '../../errors.ts';
import type { Provider } from '../../provider.ts';
import type { Providers } from '../contract/settings.ts';

type ProviderShown = Providers['providers'][number];

/** A provider that does not answer in this time is not asked on. */
const checkMs = 10_000;

/** With `check`, each is asked whether address and key work; all at the same time, at no cost. */
export async function providersOf(providers: readonly Provider[], check: boolean, clock: Clock): Promise<Providers> {
  return { providers: await Promise.all(providers.map((provider) => toProvider(provider, check, clock))) };
}

async function toProvider(provider: Provider, check: boolean, clock: Clock): Promise<ProviderShown> {
  const shown: ProviderShown = {
    name: provider.name,
    account: provider.account,
    simulated: provider.simulated,
    batch: provider.batch !== undefined,
    address: null,
    ok: null,
    detail: null,
  };
  if (!check) return shown;
  const stop = new AbortController();
  const done = new AbortController();
  try {
    const late = clock.sleep(checkMs, done.signal).then(() => {
      stop.abort();
      return undefined;
    });
    const found = await Promise.race([provider.check(stop.signal), late]);
    if (!found) return { ...shown, ok: false, detail: `no answer in ${checkMs / 1000} seconds` };
    return { ...shown, address: found.address, ok: true, detail: found.detail };
  } catch (error) {
    // What is not ours may hold anything.
    return { ...shown, ok: false, detail: isOffpeakError(error) ? error.message : 'the check failed' };
  } finally {
    done.abort();
  }
}
