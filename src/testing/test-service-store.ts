import { describe } from 'vitest';
import { testAlerts } from './service-store/alerts.ts';
import { type MakeServedStore, useServedStore } from './service-store/context.ts';
import { testDeliveries } from './service-store/deliveries.ts';
import { testServedHostileText } from './service-store/hostile-text.ts';
import { testPlanning } from './service-store/planning.ts';
import { testIdempotency, testQueueing } from './service-store/queueing.ts';
import { testRelease } from './service-store/releasing.ts';
import { testMarks, testQueueStates, testSending } from './service-store/sending.ts';
import { testDuties, testSettings, testTokens } from './service-store/settings.ts';
import { testCancelledBatches, testSingleJobs } from './service-store/single-jobs.ts';
import { testFeed } from './views/feed.ts';
import { testJobDetails, testJobLists } from './views/jobs.ts';
import { testBatchLists, testEventLists, testRunLists } from './views/runs.ts';
import { testSpending, testTotals } from './views/sums.ts';

export type { MakeServedStore, ServedStore, ServedStoreUnderTest } from './service-store/context.ts';

/**
 * The suite that every store of the always-on service passes: the contracts of `ServiceStore` and `Views`, beyond their
 * types. Run it inside a vitest file, beside `testStore`. After every test `check()` must find nothing.
 * @example testServiceStore('sqlite', makeSqliteStore)
 */
export function testServiceStore(name: string, make: MakeServedStore): void {
  describe(`service store ${name}`, () => {
    const context = useServedStore(make);
    describe('queueing', () => testQueueing(context));
    describe('idempotency', () => testIdempotency(context));
    describe('sending', () => testSending(context));
    describe('marks of a schedule', () => testMarks(context));
    describe('release', () => testRelease(context));
    describe('queues', () => testQueueStates(context));
    describe('single jobs', () => testSingleJobs(context));
    describe('cancelled batches', () => testCancelledBatches(context));
    describe('settings', () => testSettings(context));
    describe('tokens', () => testTokens(context));
    describe('duties', () => testDuties(context));
    describe('planning deliveries', () => testPlanning(context));
    describe('deliveries', () => testDeliveries(context));
    describe('alerts', () => testAlerts(context));
    describe('hostile text', () => testServedHostileText(context));
  });
  describe(`views ${name}`, () => {
    const context = useServedStore(make);
    describe('a job', () => testJobDetails(context));
    describe('jobs', () => testJobLists(context));
    describe('feed', () => testFeed(context));
    describe('runs', () => testRunLists(context));
    describe('batches', () => testBatchLists(context));
    describe('events', () => testEventLists(context));
    describe('totals', () => testTotals(context));
    describe('spending', () => testSpending(context));
  });
}
