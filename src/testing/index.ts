export { createFakeClock, type FakeClock } from './fake-clock.ts';
export type { MakeStore } from './store/context.ts';
export { type ProviderCapabilities, type ProviderUnderTest, testProvider } from './test-provider.ts';
export {
  type MakeServedStore,
  type ServedStore,
  type ServedStoreUnderTest,
  testServiceStore,
} from './test-service-store.ts';
export { type MakeStoreOptions, type StoreCapabilities, type StoreUnderTest, testStore } from './test-store.ts';
