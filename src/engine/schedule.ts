import type { Batch } from '../batch.ts';
import type { EnqueuedLimit } from '../provider.ts';
import type { EnqueuedRoom } from '../store-rows.ts';
import { batchApiOf, type Engine, leaseOf } from './engine.ts';

/**
 * Room at the provider: how much of an account's work may be enqueued at once. What the provider limits is data on its
 * adapter; how much of it an account has is learned from its refusals, kept in the store, and given another try after a
 * day, for accounts grow. Batches that do not fit wait, sealed; the oldest that fits goes first.
 */

/** After so long a learned limit is doubted: a batch that does not fit by it is sent all the same. */
const doubtedAfterMs = 24 * 3_600_000;
/** A batch that waits for room is looked at again this often, whatever happens. */
const lookAgainMs = 60_000;

/** Whose room a batch takes. */
function placeOf({ account, model }: Batch, { scope }: EnqueuedLimit): { account: string; model?: string } {
  return scope === 'model' ? { account, model } : { account };
}

/** The room of a batch's account, as far as it is known; undefined: nothing is limited, or not yet known. */
export async function roomOf(engine: Engine, batch: Batch): Promise<EnqueuedRoom | undefined> {
  const { enqueued } = batchApiOf(engine, batch).limits;
  if (!enqueued) return undefined;
  const place = placeOf(batch, enqueued);
  const learned = await engine.store.getLimit(place.account, place.model ?? '*');
  const isDoubted = learned !== undefined && engine.clock.now() - learned.learnedAt > doubtedAfterMs;
  const limit = learned === undefined || isDoubted ? enqueued.most : learned.limit;
  return limit === undefined ? undefined : { ...place, unit: enqueued.unit, limit };
}

/** A first look, before anything is uploaded; `admit` decides. */
export async function hasRoom(engine: Engine, batch: Batch): Promise<boolean> {
  const room = await roomOf(engine, batch);
  if (!room) return true;
  const others = await enqueuedBeside(engine, batch, room);
  return others === 0 || others + sizeIn(room, batch) <= room.limit;
}

/** Takes the room and moves the batch to `submitting`, in one step; undefined when there is none. */
export async function admit(engine: Engine, batch: Batch): Promise<Batch | undefined> {
  const now = engine.clock.now();
  const room = await roomOf(engine, batch);
  if (!room) return engine.store.updateBatch(leaseOf(batch), { state: 'submitting', submittedAt: now }, now);
  // Alone it goes, however large it looks: only the provider can say that it does not fit.
  const limit = Math.max(room.limit, sizeIn(room, batch));
  return engine.store.admitBatch(leaseOf(batch), { ...room, limit }, now);
}

export function waitForRoom(engine: Engine, batch: Batch): Promise<Batch> {
  const now = engine.clock.now();
  const message = `the account takes no more now: ${batch.model} waits for a batch to end`;
  if (batch.errorCode !== 'no_room') {
    engine.emit({ type: 'note', message: `batch ${batch.id} is ready and waits: ${message}` });
  }
  return engine.store.updateBatch(
    leaseOf(batch),
    { errorCode: 'no_room', errorMessage: message, nextAt: now + lookAgainMs },
    now,
  );
}

/** A limit that is named and so many times as large as what we counted is not our estimate's fault. */
const farAbove = 2;

/**
 * The provider has refused a batch for want of room, and perhaps named its limit. A limit far above what we have there
 * means that somebody else fills the account: then waiting helps. Else our own estimate is too low, and less than what
 * was refused is the limit, in our unit.
 */
export async function learnRoom(engine: Engine, batch: Batch, named: number | undefined): Promise<void> {
  const { enqueued } = batchApiOf(engine, batch).limits;
  if (!enqueued) return;
  const place = placeOf(batch, enqueued);
  const room = { ...place, unit: enqueued.unit, limit: 0 };
  const others = await enqueuedBeside(engine, batch, room);
  const refusedAt = others + sizeIn(room, batch);
  // Alone and refused: it must become smaller. Beside others: what they take has room, and a little more may have.
  const guess = others === 0 ? Math.floor(refusedAt / 2) : Math.max(others, Math.floor(refusedAt * 0.9));
  const othersFillIt = named !== undefined && named >= farAbove * refusedAt;
  const limit = named !== undefined && (named < refusedAt || othersFillIt) ? named : guess;
  await engine.store.learnLimit(place.account, place.model ?? '*', Math.max(1, limit), engine.clock.now());
}

/** Nothing else of ours takes room there: waiting frees none. */
export async function isAlone(engine: Engine, batch: Batch): Promise<boolean> {
  const enqueued = batchApiOf(engine, batch).limits.enqueued ?? { unit: 'requests', scope: 'model' };
  const place = placeOf(batch, enqueued);
  return (await enqueuedBeside(engine, batch, { ...place, unit: 'requests', limit: 0 })) === 0;
}

/** What the other batches of ours take there. */
async function enqueuedBeside(engine: Engine, batch: Batch, room: EnqueuedRoom): Promise<number> {
  const open = await engine.store.listBatches({ openOnly: true });
  const others = open.filter(
    (other) =>
      other.id !== batch.id &&
      other.account === room.account &&
      (room.model === undefined || other.model === room.model) &&
      (other.state === 'submitting' || other.state === 'unknown' || other.state === 'in_progress'),
  );
  return others.reduce((sum, other) => sum + sizeIn(room, other), 0);
}

function sizeIn({ unit }: Pick<EnqueuedRoom, 'unit'>, batch: Batch): number {
  return unit === 'tokens' ? batch.tokens : batch.requests;
}
