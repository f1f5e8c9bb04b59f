import { expect, test } from 'vitest';
import type { NewAlert } from '../../service-store.ts';
import { start } from '../store/context.ts';
import type { ServedContext } from './context.ts';

export function testAlerts(context: ServedContext): void {
  const stale = (change: Partial<NewAlert> = {}): NewAlert => ({
    name: 'stale_batch',
    subject: 'openai_12',
    severity: 'warning',
    title: 'A batch is late',
    message: 'openai_12 is 49 hours old',
    ...change,
  });
  const told = async () =>
    (await context.views.listEvents({ after: 0, limit: 99 })).map(({ type, detail }) => [type, detail]);

  test('raised once, renewed silently, resolved once, and raised anew', async () => {
    const { service } = context;
    expect(await service.raiseAlert(stale(), start)).toBe(true);
    expect(await service.raiseAlert(stale(), start + 1)).toBe(false);
    expect(
      await service.raiseAlert(stale({ message: 'openai_12 is 50 hours old', severity: 'critical' }), start + 2),
    ).toBe(false);
    expect(await service.listAlerts({ limit: 9 })).toEqual([
      { ...stale({ message: 'openai_12 is 50 hours old', severity: 'critical' }), id: 1, raisedAt: start },
    ]);
    expect(await service.resolveAlert('stale_batch', 'openai_12', start + 3)).toBe(true);
    expect(await service.resolveAlert('stale_batch', 'openai_12', start + 4)).toBe(false);
    expect(await service.raiseAlert(stale(), start + 5)).toBe(true);
    expect(await service.listAlerts({ limit: 9 })).toMatchObject([
      { id: 2, raisedAt: start + 5 },
      { id: 1, resolvedAt: start + 3 },
    ]);
    expect(await service.listAlerts({ limit: 9, openOnly: true })).toMatchObject([{ id: 2 }]);
    expect(await service.listAlerts({ limit: 1 })).toMatchObject([{ id: 2 }]);
    expect(await told()).toEqual([
      ['alert_raised', '1'],
      ['alert_resolved', '1'],
      ['alert_raised', '2'],
    ]);
  });

  test('each subject by itself; the empty one is a subject too', async () => {
    const { service } = context;
    expect(await service.raiseAlert(stale(), start)).toBe(true);
    expect(await service.raiseAlert(stale({ subject: '' }), start)).toBe(true);
    expect(await service.raiseAlert(stale({ name: 'large_queue' }), start)).toBe(true);
    expect(await service.resolveAlert('stale_batch', '', start)).toBe(true);
    expect(await service.resolveAlert('stale_batch', 'openai_1', start)).toBe(false);
    expect(await service.listAlerts({ limit: 9, openOnly: true })).toHaveLength(2);
  });

  test('of the open ones the critical are not cut off by many others', async () => {
    const { service } = context.store;
    await service.raiseAlert(stale({ name: 'disk_nearly_full', severity: 'critical' }), start);
    for (let i = 0; i < 5; i++) await service.raiseAlert(stale({ subject: `openai_${i}` }), start);
    expect((await service.listAlerts({ openOnly: true, limit: 2 })).map(({ severity }) => severity)).toEqual([
      'critical',
      'warning',
    ]);
  });

  test('of several that raise or resolve at once one has', async () => {
    const stores = [context.store, await context.second(), await context.second()];
    for (let round = 0; round < 10; round++) {
      const subject = `openai_${round}`;
      const raised = await Promise.all(stores.map(({ service }) => service.raiseAlert(stale({ subject }), start)));
      const resolved = await Promise.all(
        stores.map(({ service }) => service.resolveAlert('stale_batch', subject, start)),
      );
      expect([raised, resolved].map((all) => all.filter((isOurs) => isOurs).length)).toEqual([1, 1]);
    }
  });
}
