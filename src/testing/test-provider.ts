import { afterAll, beforeAll, describe } from 'vitest';
import { testBatches } from './provider/batches.ts';
import type { ProviderCapabilities, ProviderUnderTest } from './provider/context.ts';
import { testRealtime } from './provider/realtime.ts';

export type { ProviderCapabilities, ProviderUnderTest } from './provider/context.ts';

/**
 * The suite that every adapter passes: what the engine relies on, beyond the types. Run it inside a vitest file against
 * a server that answers like the real one.
 * @example testProvider('openai', async () => ({ provider, close }), { chatModel: 'gpt-5-mini', ... })
 */
export function testProvider(
  name: string,
  make: () => Promise<ProviderUnderTest>,
  capabilities: ProviderCapabilities,
): void {
  describe(`provider ${name}`, () => {
    let made: ProviderUnderTest | undefined;
    const under = (): ProviderUnderTest => {
      if (!made) throw new Error('the provider was not made');
      return made;
    };
    beforeAll(async () => {
      made = await make();
    });
    afterAll(async () => {
      await made?.provider.close?.();
      await made?.close();
    });
    testRealtime(under, capabilities);
    testBatches(under, capabilities);
  });
}
