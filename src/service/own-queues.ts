import type { ServiceStore } from '../service-store.ts';

/**
 * The store as a service sees it that works with the sandbox, or one that does not: on one store, neither sends the
 * other's queues, nor marks its nights as done.
 */
export function ownQueues(serviceStore: ServiceStore, isSimulated: boolean): ServiceStore {
  const own = (name: string) => (isSimulated ? `${name} (simulated)` : name);
  return {
    ...serviceStore,
    listQueues: async () => (await serviceStore.listQueues()).filter(({ simulated }) => simulated === isSimulated),
    lastMark: (name) => serviceStore.lastMark(own(name)),
    sealQueues: (runIds, now, mark) =>
      serviceStore.sealQueues(runIds, now, ...(mark ? [{ ...mark, name: own(mark.name) }] : [])),
  };
}
