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
import { lineOf } from './fake-provider-fixtures.ts';

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

test('an adopted batch says what its run says, and when the provider was done with it', async () => {
  const fixture = createEngineFixture();
  const { engine, fake, clock, store } = fixture;
  const endedAt = clock.now() - 3_600_000;
  fake.remotes.push({
    ...{ remoteId: 'batch_elsewhere', phase: 'ended', rawStatus: 'completed', resultFileIds: [], errors: [], endedAt },
    model: 'gpt-5-mini',
    requests: ['a', 'b', 'c'].map((customId) => ({ customId, body: '{}' })),
  });
  fake.on.results = function* ({ requests }) {
    for (const request of requests.slice(1)) yield lineOf(request);
    yield lineOf({ customId: 'a' }, { type: 'expired', message: 'too late' });
  };
  const { run } = await adopt(engine, fake.provider, 'batch_elsewhere', signal);
  expect(run.costNanoUsd).toBeGreaterThan(0);
  const [batch] = await store.listBatches({ runId: run.id });
  const { costNanoUsd, realtimeNanoUsd } = run;
  expect(await fixture.connect('reader').views.getBatch(batch?.id ?? 0)).toMatchObject({
    ...{ succeeded: 2, failed: 1, costNanoUsd, realtimeNanoUsd, endedAt },
  });
});
