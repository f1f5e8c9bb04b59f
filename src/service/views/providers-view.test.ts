import { expect, test } from 'vitest';
import { createFakeProvider } from '../../engine/fake-provider-fixtures.ts';
import { OffpeakError } from '../../errors.ts';
import type { Provider } from '../../provider.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { providers as shape } from '../contract/settings.ts';
import { providersOf } from './providers-view.ts';
import { fits } from './views-fixtures.ts';

function provider(name: string, check: Provider['check'], batch = true): Provider {
  return { ...createFakeProvider({ batch }).provider, name, account: `${name}:1234`, check };
}

const good = async () => ({ address: 'https://api.example.com/v1', detail: 'reachable, 34 models' });
const bad = async () => {
  throw new OffpeakError('the key ...1234 was refused', { code: 'auth' });
};
const strange = async () => {
  throw new Error('canary');
};

test('without a check nobody is asked', async () => {
  const asked = () => Promise.reject(new Error('asked'));
  const shown = fits(
    shape,
    await providersOf([provider('openai', asked), provider('local', asked, false)], false, createFakeClock()),
  );
  expect(shown.providers).toMatchObject([
    { name: 'openai', account: 'openai:1234', batch: true, address: null, ok: null, detail: null },
    { name: 'local', batch: false, ok: null },
  ]);
});

test('with a check each says what it found; what is not in our words is not shown', async () => {
  const clock = createFakeClock();
  const shown = fits(
    shape,
    await providersOf([provider('a', good), provider('b', bad), provider('c', strange)], true, clock),
  );
  expect(shown.providers.map(({ ok, address, detail }) => [ok, address, detail])).toEqual([
    [true, 'https://api.example.com/v1', 'reachable, 34 models'],
    [false, null, 'the key ...1234 was refused'],
    [false, null, 'the check failed'],
  ]);
  expect(clock.sleeping).toBe(0);
});

test('one that never answers is left after ten seconds, and told to stop', async () => {
  const clock = createFakeClock();
  let stopped = false;
  const slow = provider('slow', (signal) => {
    signal?.addEventListener('abort', () => {
      stopped = true;
    });
    return new Promise(() => {});
  });
  const asked = providersOf([slow, provider('a', good)], true, clock);
  await clock.advance(10_000);
  expect((await asked).providers.map(({ ok, detail }) => [ok, detail])).toEqual([
    [false, 'no answer in 10 seconds'],
    [true, 'reachable, 34 models'],
  ]);
  expect(stopped).toBe(true);
});
