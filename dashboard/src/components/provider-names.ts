import type { Providers } from '../../../src/service/contract/settings.ts';
import { useResource } from '../resource.ts';

export function useProviderNames(): readonly string[] {
  const { data } = useResource<Providers>('/batch/providers', { isStill: true });
  return data?.providers.map((provider) => provider.name) ?? [];
}
