import { expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import { adopt, listOrphans } from './adopt.ts';
import { advance } from './advance.ts';
import {
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  endRemote,
  openBatch,
  step,
} from './engine-fixtures.ts';

const signal = new AbortController().signal;

test.each(['carried', 'results'] as const)(
  'a batch that a lost reply is looking for is not adopted away: %s',
  async (proof) => {
    const fixture = createEngineFixture(createFakeProvider({ proof }));
    const { engine, fake, clock } = fixture;
    fake.on.create = (make) => {
      make();
      throw new OffpeakError('the reply was lost', { code: 'outcome_unknown' });
    };
    const run = await addRun(fixture, 3);
    const opened = await openBatch(fixture, run.id);
    await advance(engine, opened, signal);
    expect((await batchOf(fixture, opened.id)).state).toBe('unknown');
    endRemote(fake);
    const remoteId = fake.remotes[0]?.remoteId ?? '';
    await expect(adopt(engine, fake.provider, remoteId, signal)).rejects.toMatchObject({ code: 'conflict' });
    if (proof === 'carried')
      for await (const orphan of listOrphans(engine, fake.provider)) expect.fail(orphan.remoteId);
    for (let i = 0; i < 5; i++) {
      await clock.advance(120_000);
      await step(fixture);
    }
    expect(await batchOf(fixture, opened.id)).toMatchObject({ state: 'collected', remoteId });
    expect(fake.calls.filter((call) => call === 'create')).toHaveLength(1);
  },
);
