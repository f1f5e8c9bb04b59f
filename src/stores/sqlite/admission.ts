import type { Batch } from '../../batch.ts';
import type { EnqueuedRoom, Lease } from '../../store-rows.ts';
import { enqueuedAt } from './account-limits.ts';
import { batchById, checkMove, requireLease } from './batches.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { number } from './rows.ts';

/** Two workers that admit at the same moment see each other: the sum and the move are one transaction. */
export function admitBatch(db: Database, lease: Lease, room: EnqueuedRoom, now: number): Batch | undefined {
  return db.write(() => {
    const before = requireLease(db, lease);
    checkMove(before, { state: 'submitting' });
    const own = number(before, room.unit === 'tokens' ? 'tokens' : 'requests');
    if (enqueuedAt(db, room) + own > room.limit) return undefined;
    db.sql("UPDATE batches SET state = 'submitting', submitted_at = ? WHERE id = ?").run(now, lease.batchId);
    addEvent(db, { at: now, run: number(before, 'run'), batch: lease.batchId, type: 'batch_submitting' });
    return batchById(db, lease.batchId);
  });
}
