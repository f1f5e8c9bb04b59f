import { describe } from 'vitest';
import { testAdding } from './store/adding.ts';
import { testAdmission } from './store/admission.ts';
import { testBooking } from './store/booking.ts';
import { testBudget } from './store/budget.ts';
import { testClaiming } from './store/claiming.ts';
import { type MakeStore, useStore } from './store/context.ts';
import { testDurability } from './store/durability.ts';
import { testFencing } from './store/fencing.ts';
import { testHostileText } from './store/hostile-text.ts';
import { testLateResults } from './store/late-results.ts';
import { testLeases } from './store/leases.ts';
import { testLeaving } from './store/leaving.ts';
import { testMending, testPrimingAndHedging } from './store/mending.ts';
import { testModel } from './store/model.ts';
import { testImports } from './store/money.ts';
import { testMoving } from './store/moving.ts';
import { testPacking } from './store/packing.ts';
import { testResults } from './store/results.ts';
import { testReuse } from './store/reuse.ts';
import { testRuns } from './store/runs.ts';
import { testSharing } from './store/sharing.ts';
import { testSharingModel } from './store/sharing-model.ts';

export type { MakeStoreOptions, StoreUnderTest } from './store/context.ts';

export interface StoreCapabilities {
  /** Several connections see the same data. */
  shared: boolean;
  /** Data outlives a process that was killed. */
  durable: boolean;
}

/**
 * The suite that every store passes: the contract of the port, beyond its types. Run it inside a vitest file. After
 * every change of every test the counts of all runs are compared with their jobs (nothing lost at any instant), after
 * every test `check()` must find nothing.
 * @example testStore('sqlite', makeSqliteStore, { shared: true, durable: true })
 */
export function testStore(name: string, make: MakeStore, capabilities: StoreCapabilities): void {
  describe(`store ${name}`, () => {
    const context = useStore(make);
    describe('runs', () => testRuns(context));
    describe('adding jobs', () => testAdding(context));
    describe('reuse', () => testReuse(context));
    describe('the same request', () => testSharing(context));
    describe('the same request, not waited for', () => testLeaving(context));
    describe('budget', () => testBudget(context));
    describe('room at the provider', () => testAdmission(context));
    describe('mending an answer', () => testMending(context));
    describe('priming and hedging', () => testPrimingAndHedging(context));
    describe('imports and costs', () => testImports(context));
    describe('packing', () => testPacking(context));
    describe('another account', () => testMoving(context));
    describe('booking', () => testBooking(context));
    describe('late results', () => testLateResults(context));
    describe('results', () => testResults(context));
    describe('fencing', () => testFencing(context));
    describe('leases', () => testLeases(context));
    describe('hostile text', () => testHostileText(context));
    describe('model', () => testModel(context));
    describe('model of the same requests', () => testSharingModel(context));
    describe.skipIf(!capabilities.shared)('several connections', () => testClaiming(context));
    describe.skipIf(!capabilities.durable)('after a crash', () => testDurability(context));
  });
}
