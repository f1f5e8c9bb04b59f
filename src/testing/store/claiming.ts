import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import {
  adding,
  batchLane,
  everything,
  fill,
  leaseFor,
  leaseOf,
  newJobs,
  newRun,
  nonce,
  room,
  runOf,
  type StoreContext,
  start,
  succeeded,
} from './context.ts';

/** Several connections on the same data: nothing is given out twice, nothing is forgotten. */
export function testClaiming(context: StoreContext): void {
  const connect = async (count: number): Promise<Store[]> => [
    context.store,
    ...(await Promise.all(Array.from({ length: count - 1 }, () => context.second()))),
  ];

  test('one connection reads what another wrote', async () => {
    const [a, b] = await connect(2);
    const { run } = await fill(context.store, newJobs(3));
    expect(await b?.getRun(run.id)).toEqual(await a?.getRun(run.id));
    expect(await b?.readResults(run.id, { limit: 9 })).toEqual(await a?.readResults(run.id, { limit: 9 }));
  });

  test('a batch that is due goes to one of the claimers, in each of 200 rounds', async () => {
    const stores = await connect(4);
    const { lane } = await fill(context.store, newJobs(1));
    let lease = leaseOf(await context.store.openBatch(lane, nonce(), leaseFor()));
    for (let round = 0; round < 200; round++) {
      await context.store.updateBatch(lease, { nextAt: start }, start, 'release');
      const claims = await Promise.all(stores.map((store, i) => store.claimBatch(everything, leaseFor(`w${i}`))));
      const won = claims.filter((claim) => claim !== undefined);
      expect(won).toHaveLength(1);
      for (const batch of won) lease = leaseOf(batch);
    }
  });

  test('many batches among many claimers: each to one', async () => {
    const stores = await connect(4);
    const { lane } = await fill(context.store, newJobs(60));
    for (let i = 0; i < 60; i++) {
      const lease = leaseOf(await context.store.openBatch(lane, nonce(), leaseFor()));
      await context.store.updateBatch(lease, { nextAt: start }, start, 'release');
    }
    const claimed: number[] = [];
    await Promise.all(
      stores.map(async (store, i) => {
        for (;;) {
          const batch = await store.claimBatch(everything, leaseFor(`w${i}`));
          if (!batch) return;
          claimed.push(batch.id);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    expect(claimed).toHaveLength(60);
    expect(new Set(claimed).size).toBe(60);
  });

  test('8 claimers and 1000 jobs: each exactly once, in realtime', async () => {
    const stores = await connect(8);
    const { run, lane } = await fill(context.store, newJobs(1000));
    const claimed: string[] = [];
    await Promise.all(
      stores.map(async (store, i) => {
        for (;;) {
          const jobs = await store.claimJobs(lane, 1 + (i % 5) * 7, leaseFor(`w${i}`));
          if (jobs.length === 0) return;
          claimed.push(...jobs.map((job) => job.key));
          await store.book(
            jobs.map((job) => succeeded(job)),
            undefined,
          );
        }
      }),
    );
    expect(claimed).toHaveLength(1000);
    expect(new Set(claimed).size).toBe(1000);
    expect((await runOf(context.store, run.id)).counts).toMatchObject({ succeeded: 1000, queued: 0, running: 0 });
  });

  test('8 packers and 1000 jobs: each in one batch', async () => {
    const stores = await connect(8);
    const { run, lane } = await fill(context.store, newJobs(1000));
    const packed: number[] = [];
    await Promise.all(
      stores.map(async (store, i) => {
        const batch = await store.openBatch(lane, nonce(), leaseFor(`w${i}`));
        for (;;) {
          const { packed: count } = await store.packJobs(leaseOf(batch), room({ requests: 3 + i }));
          if (count === 0) break;
          await new Promise((resolve) => setImmediate(resolve));
        }
        const attempts = await store.readAttempts(batch.id, { afterJob: 0, limit: 10_000, openOnly: false });
        packed.push(...attempts.map(({ job }) => job));
      }),
    );
    expect(packed).toHaveLength(1000);
    expect(new Set(packed).size).toBe(1000);
    expect((await runOf(context.store, run.id)).counts).toMatchObject({ packed: 1000, queued: 0 });
  });

  test('the same jobs added by two at once are there once, and their ids do not clash', async () => {
    const stores = await connect(2);
    const { run } = await context.store.createRun(newRun(), start);
    const added = await Promise.all(
      stores.flatMap((store, i) => [
        store.addJobs(run.id, newJobs(500), adding),
        store.addJobs(run.id, newJobs(50, batchLane, `own-${i}`), adding),
      ]),
    );
    expect(added.reduce((sum, { added: count }) => sum + count, 0)).toBe(600);
    expect(await context.store.readResults(run.id, { limit: 10_000 })).toHaveLength(600);
  });

  test('the same run asked for by two at once is one', async () => {
    const stores = await connect(4);
    for (let round = 0; round < 20; round++) {
      const asked = await Promise.all(
        stores.map((store) => store.createRun(newRun({ fingerprint: `round-${round}` }), start)),
      );
      expect(new Set(asked.map(({ run }) => run.id)).size).toBe(1);
    }
  });
}
