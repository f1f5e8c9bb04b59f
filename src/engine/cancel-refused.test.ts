import { expect, test } from 'vitest';
import { type ErrorCode, OffpeakError } from '../errors.ts';
import { createEngineFixture, endRemote, runOf, submitted } from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const never = new AbortController().signal;
const codes: ErrorCode[] = ['rejected', 'not_found', 'batch_unavailable', 'bad_answer'];

test.each(codes)(
  'a cancel that is refused with %s: asked once, the batch is followed to its end and read',
  async (code) => {
    const fixture = createEngineFixture();
    const { fake, clock, store } = fixture;
    const { run } = await submitted(fixture, 3);
    fake.on.cancel = () => {
      throw new OffpeakError('HTTP 405', { code });
    };
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    const working = createWorker(fixture.engine, { runId: run.id, isAlive: () => true }).run(never);
    await clock.advance(600_000);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ running: 3 });
    endRemote(fake);
    await clock.runUntil(working, 3_600_000);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 3, cancelled: 0 } });
    expect(fake.calls.filter((call) => call === 'cancel')).toHaveLength(1);
    expect(fixture.events).toContainEqual({ type: 'note', message: expect.stringContaining('cannot be cancelled') });
  },
);
