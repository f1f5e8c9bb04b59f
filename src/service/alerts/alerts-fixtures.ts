import type { SqliteStore } from '../../stores/sqlite/sqlite-store.ts';
import { createFakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import type { Settings } from '../contract/settings.ts';
import { defaultSettings } from '../default-settings.ts';
import { ownViews } from '../own-side.ts';
import { openStore, storeFolder } from '../queue-fixtures.ts';
import { start } from '../sent-queue-fixtures.ts';
import { type AlertsOptions, type AlertsWithDuties, createAlerts } from './alerts.ts';

/** For tests: a store, the alerts over it, and what is open after a look at everything. */
export interface AlertsFixture {
  store: SqliteStore;
  clock: FakeClock;
  settings: Settings;
  alerts: AlertsWithDuties;
  /** Another process over the same store. */
  another(change?: Partial<AlertsOptions>): AlertsWithDuties;
  /** Looks once; names of what is open then, `name:subject`. */
  look(alerts?: AlertsWithDuties): Promise<string[]>;
  /** Events that raising and resolving have written. */
  events(): Promise<string[]>;
}

export function createAlertsFixture(change: Partial<AlertsOptions> = {}): AlertsFixture {
  const folder = storeFolder();
  const clock = createFakeClock(start);
  const store = openStore(folder, { now: clock.now });
  const settings: Settings = structuredClone(defaultSettings);
  const another: AlertsFixture['another'] = (more = {}) =>
    createAlerts({
      simulated: true,
      service: store.service,
      // The jobs of these tests are the sandbox's.
      views: ownViews(store.views, true),
      settings: async () => settings,
      stranded: async () => [],
      clock,
      ...change,
      ...more,
    });
  const alerts = another();
  return {
    store,
    clock,
    settings,
    alerts,
    another,
    async look(which = alerts) {
      await dutyOf(which, 'alerts').run(new AbortController().signal);
      const open = await which.list({ openOnly: true, limit: 1_000 });
      return open.map(({ type, subject }) => `${type}:${subject}`).sort();
    },
    async events() {
      const events = await store.views.listEvents({ after: 0, limit: 500 });
      return events.map(({ type }) => type).filter((type) => type.startsWith('alert_'));
    },
  };
}

export function dutyOf({ duties }: AlertsWithDuties, name: string) {
  const duty = duties.find((each) => each.name === name);
  if (!duty) throw new Error(`there is no duty ${name}`);
  return duty;
}
