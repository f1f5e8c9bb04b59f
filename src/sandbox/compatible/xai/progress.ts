import { rowsDoneAt, statusAt, timelineOf } from '../../batches/timeline.ts';
import type { XaiBatch } from './batch-details.ts';

/** How far a batch is, as counters and results show it alike. */
export interface Progress {
  /** 0 while the file is read, and for one that was refused. */
  rows: number;
  /** The first so many in the order in which rows finish have an answer. */
  finished: number;
  /** What the others are. */
  others: 'pending' | 'cancelled' | 'expired';
}

const NOTHING: Progress = { rows: 0, finished: 0, others: 'pending' };

/**
 * A cancel shows at once whatever had no answer as cancelled. What was being answered then gets its answer still: that
 * shows when the cancel is through, and until then the rows are called cancelled that in the end were not. Live, 20
 * seconds lay between; whether results said so meanwhile, as here, is unconfirmed.
 */
export function progressOf(record: XaiBatch, nowMs: number): Progress {
  const status = statusAt(record, nowMs);
  const { rows } = record;
  switch (status) {
    case 'validating':
    case 'failed':
      return NOTHING;
    case 'cancelling':
      return record.phase === 'executed'
        ? { rows, finished: rowsDoneAt(record, record.cancelledAtMs ?? nowMs), others: 'cancelled' }
        : NOTHING;
    case 'completed':
    case 'cancelled':
    case 'expired':
      return {
        rows,
        finished: timelineOf(record).finalRows,
        others: status === 'expired' ? 'expired' : 'cancelled',
      };
    default:
      return { rows, finished: rowsDoneAt(record, nowMs), others: 'pending' };
  }
}
