import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../../providers/scripted-server.ts';
import type { SqliteStore } from '../../stores/sqlite/sqlite-store.ts';
import { createFakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import type { Settings } from '../contract/settings.ts';
import { defaultSettings } from '../default-settings.ts';
import { openStore, storeFolder } from '../queue-fixtures.ts';
import { createBatchReader } from '../views/batch-reader.ts';
import { createDeliveries, type DeliveriesOptions, type DeliveriesWithDuty } from './deliveries.ts';

/** For tests: a store, the deliveries over it, and a receiver that answers as it is told. */
export interface DeliveriesFixture {
  store: SqliteStore;
  clock: FakeClock;
  settings: Settings;
  deliveries: DeliveriesWithDuty;
  folder: string;
  /** Another process over the same store. */
  another(change?: Partial<DeliveriesOptions>): DeliveriesWithDuty;
  /** Does the duty once. */
  run(deliveries?: DeliveriesWithDuty): Promise<void>;
}

export function createDeliveriesFixture(change: Partial<DeliveriesOptions> = {}): DeliveriesFixture {
  const folder = storeFolder();
  // The present: the reference library refuses signatures that are old.
  const clock = createFakeClock(Math.floor(Date.now() / 1000) * 1000);
  const store = openStore(folder, { now: clock.now });
  const settings: Settings = structuredClone(defaultSettings);
  let owners = 0;
  const another: DeliveriesFixture['another'] = (more = {}) => {
    owners += 1;
    return createDeliveries({
      service: store.service,
      store,
      views: store.views,
      batch: createBatchReader({ views: store.views, store, clock }).details,
      settings: async () => settings,
      owner: `owner-${owners}`,
      version: '1.2.3',
      allowPrivateCallbacks: true,
      clock,
      random: () => 0,
      ...change,
      ...more,
    });
  };
  const deliveries = another();
  return {
    store,
    clock,
    settings,
    folder,
    deliveries,
    another,
    run: (which = deliveries) => which.duty.run(new AbortController().signal),
  };
}

export async function startReceiver(answer: Parameters<typeof startScriptedServer>[0]): Promise<ScriptedServer> {
  const server = await startScriptedServer(answer);
  onTestFinished(() => server.close());
  return server;
}

/** What a receiver was sent, checked with the specification's own library. */
export function verified(secret: string, { body, headers }: ScriptedServer['seen'][number]): unknown {
  const texts = Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Webhook(secret).verify(body, Object.fromEntries(texts));
}

export function idsOf(server: ScriptedServer): unknown[] {
  return server.seen.map(({ headers }) => headers['webhook-id']);
}
