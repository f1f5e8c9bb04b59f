import type { Store } from '../../store.ts';
import type { NewRun, PackRoom } from '../../store-rows.ts';
import { batchLane, fill, first, moveThrough, newJob, packBatch, sendBatch } from './context.ts';

/** Jobs that ask the same, for the tests of who sends them. */

const usage = { inputTokens: 10, outputTokens: 5 };
export const paid = { usage, costNanoUsd: 700, realtimeNanoUsd: 1400 };

export const same = (count: number, body = '{"q":"same"}', lane = batchLane) =>
  Array.from({ length: count }, (_, i) => newJob(`same-${i + 1}`, body, lane, i + 1));

/** Two runs that ask the same: the first has sent it, the second follows. */
export async function twoRuns(store: Store, change: Partial<NewRun> = {}, room: Partial<PackRoom> = {}) {
  const one = await fill(store, same(1), change);
  const sent = await sendBatch(store, one.lane, room);
  const two = await fill(store, same(2));
  const tried = await packBatch(store, two.lane);
  await moveThrough(store, tried.lease, ['abandoned']);
  return { one, two, sent, leader: first(sent.attempts), spared: tried.packed.spared };
}

export async function settleAll(store: Store): Promise<number> {
  let all = 0;
  for (let some = 1; some > 0; all += some) some = await store.settleFollowers();
  return all;
}

export async function watched(store: Store, runId: string): Promise<number[]> {
  const all: number[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const { batchIds, lastLeader }: { batchIds: number[]; lastLeader: number | undefined } = await store.checkFollowers(
      runId,
      after,
    );
    all.push(...batchIds);
    after = lastLeader;
  }
  return all;
}
