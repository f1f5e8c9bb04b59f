import type { BatchState } from '../../batch.ts';
import type { BatchSummary } from '../../views.ts';
import type { BatchStatus } from '../contract/words.ts';

/**
 * The former system's word for each of our states. `submitted`: a create is on its way, or its reply was lost.
 * `processing` lasts until the results are here, not until the provider is done: `completed` means that they can be read.
 */
const words: Readonly<Record<BatchState, BatchStatus>> = {
  packing: 'queued',
  packed: 'queued',
  submitting: 'submitted',
  unknown: 'submitted',
  in_progress: 'processing',
  ended: 'processing',
  collecting: 'processing',
  collected: 'completed',
  failed: 'failed',
  abandoned: 'failed',
};

/**
 * `cancelled`: it has ended, a person had asked for its end, and not every row got done all the same. A stop for the
 * deadline's sake is none: those jobs went on in realtime.
 */
export function batchStatusOf(
  batch: Pick<BatchSummary, 'state' | 'cancelWanted' | 'cancelRequested' | 'hedged' | 'requests' | 'succeeded'>,
): BatchStatus {
  const word = words[batch.state];
  const isOver = word === 'completed' || word === 'failed';
  const wasAsked = batch.cancelWanted || (batch.cancelRequested && !batch.hedged);
  const isWhole = word === 'completed' && batch.succeeded >= batch.requests;
  return isOver && wasAsked && !isWhole ? 'cancelled' : word;
}
