import { describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import type { Item, Source } from '../../src/source.ts';
import { scaledClock } from '../support/scaled-clock.ts';
import { markerOf, until } from '../support/temporary.ts';
import { openStage, sound } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A source that gives its items when it is told to. */
function gatedSource(keys: readonly string[], gate: { opensBefore: number; opened: Promise<void> }): Source {
  return {
    description: { type: 'gated' },
    async *items(): AsyncGenerator<Item> {
      for (const [i, key] of keys.entries()) {
        if (i === gate.opensBefore) await gate.opened;
        // More than a chunk's worth of bytes, so that each item is stored as it comes.
        const filler = 'x'.repeat(2_100_000);
        const text = `This report speaks of ${markerOf(key)}. ${filler}`;
        yield { key, position: i + 1, content: { type: 'text', name: key, text } };
      }
    },
  };
}

/** A promise and its key. */
function gateBefore(opensBefore: number) {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opensBefore, opened, open: () => open() };
}

describe.concurrent('moments that seldom meet', () => {
  it('cancelled by another process while items are still being read: both end', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, { files: 4 });
    const gate = gateBefore(2);
    const source = gatedSource(stage.keys, gate);
    const reader = stage.engine({ source });
    const other = stage.engine({ source });
    const run = await reader.begin(stage.documents);
    const reading = reader.finish(run);
    await until('two jobs', async () => {
      const { counts } = (await other.store.getRun(run.id)) ?? run;
      return counts.queued + counts.packed + counts.running + counts.succeeded >= 2;
    });
    await other.offpeak.cancel(run.id);
    await other.offpeak.worker({ runId: run.id }).run(AbortSignal.timeout(10_000));
    gate.open();
    const stuck = new Promise<'stuck'>((resolve) => setTimeout(() => resolve('stuck'), 10_000));
    const ended = await Promise.race([reading, stuck]);
    expect(ended).not.toBe('stuck');
    expect(await reader.store.check()).toEqual([]);
    const after = await reader.store.getRun(run.id);
    expect(after).toMatchObject({ state: 'ended', counts: { queued: 0, packed: 0, running: 0 } });
    // Nothing is left over that a later command would stumble on.
    expect((await other.finish(after ?? run)).state).toBe('ended');
  });

  it('a process that stood still before the create lets the batch go, and the run still ends', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished);
    const clock = jumpingClock();
    let jumped = false;
    const engine = stage.engine({
      clock,
      crashpoint: (name) => {
        if (name !== 'C9' || jumped) return;
        jumped = true;
        // As after SIGSTOP and SIGCONT: more than a lease later, on the same line of code.
        clock.jump(2 * 3_600_000);
      },
    });
    const stuck = new Promise<'stuck'>((resolve) => setTimeout(() => resolve('stuck'), 15_000));
    const run = await engine.begin(stage.documents);
    const ended = await Promise.race([engine.finish(run), stuck]);
    expect(ended).not.toBe('stuck');
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 12 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('a realtime call broken off by a stop is on record: it may have been charged', async ({ onTestFinished }) => {
    const stage = await openStage(onTestFinished, { files: 2, flags: ['--realtime-delay-ms', '1500'] });
    const engine = stage.engine({ clock: scaledClock(40) });
    const stop = new AbortController();
    const run = await engine.begin(stage.documents, { mode: 'realtime', timeoutMs: 60_000 });
    const working = engine.finish(run, { signal: stop.signal });
    await until('calls', () => engine.events.filter(({ type }) => type === 'call').length === 2);
    // The grace of 8 s is 200 ms here; the provider answers, and charges, after 1500.
    stop.abort();
    await working;
    const again = stage.engine();
    expect((await again.finish(run)).counts.succeeded).toBe(2);
    await until('all calls to be charged', async () => (await stage.sandbox.ledger()).rowsCharged === 4);
    const rows = await again.store.readResults(run.id, { limit: 10 });
    expect(rows.map(({ attempts }) => attempts)).toEqual([2, 2]);
    await engine.close();
    expect(await stage.verdict(again)).toMatchObject({ ...sound, paidAgain: 2 });
  });

  it('results that come late for a cancelled run win (I6)', async ({ onTestFinished }) => {
    // The provider finishes the batch before it hears of the cancel: 409, and everything was run and charged.
    const stage = await openStage(onTestFinished, { flags: ['--in-progress-ms', '60000'] });
    const engine = stage.engine({ limits: { pollMinMs: 600_000, pollMaxMs: 600_000 } });
    const run = await engine.begin(stage.documents);
    const working = engine.finish(run);
    await until('a batch', async () => (await stage.sandbox.ledger()).creates === 1);
    await stage.sandbox.advance(61_000);
    await engine.offpeak.cancel(run.id);
    expect((await working).counts).toMatchObject({ succeeded: 12, cancelled: 0 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });

  it('two workers in two processes, one frozen past its lease: its writes change nothing', async ({
    onTestFinished,
  }) => {
    const stage = await openStage(onTestFinished);
    const clock = jumpingClock();
    const frozen = stage.engine({ clock });
    const run = await frozen.begin(stage.documents);
    await frozen.offpeak.fill(run);
    const scope = { runId: run.id, accounts: [frozen.provider.account] };
    const [lane] = await frozen.store.findLanes(scope, clock.now());
    const lease = { owner: 'frozen', now: clock.now(), leaseMs: 10 };
    const batch = await frozen.store.openBatch(lane?.id ?? 0, 'frozenaaaa', lease);
    const other = stage.engine();
    const ended = await other.finish(run);
    expect(ended.counts.succeeded).toBe(12);
    const stale = { batchId: batch.id, generation: batch.generation };
    await expect(frozen.store.updateBatch(stale, { state: 'packed' }, clock.now())).rejects.toMatchObject({
      code: 'conflict',
    });
    await frozen.close();
    expect(await stage.verdict(other)).toMatchObject(sound);
  });
});

interface JumpingClock extends Clock {
  jump(ms: number): void;
}

/** Real time, and now and then a leap over which all timers are due at once, the oldest first. */
function jumpingClock(): JumpingClock {
  let offset = 0;
  const sleepers = new Set<{ until: number; wake: () => void }>();
  const now = () => Date.now() + offset;
  return {
    now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { until: now() + ms, wake: end };
        const timer = setTimeout(end, ms);
        sleepers.add(sleeper);
        signal?.addEventListener('abort', end, { once: true });
        function end() {
          clearTimeout(timer);
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', end);
          resolve();
        }
      }),
    jump(ms) {
      offset += ms;
      for (const sleeper of [...sleepers]) if (sleeper.until <= now()) sleeper.wake();
    },
  };
}
