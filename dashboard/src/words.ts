import type { Batch } from '../../src/service/contract/batches.ts';
import type { Job } from '../../src/service/contract/jobs.ts';
import type { Run } from '../../src/service/contract/runs.ts';
import type { JobTypeName } from '../../src/service/contract/words.ts';

/** What the words of the API are called on the page, and how they are coloured. */

export const jobTypeNames: Readonly<Record<JobTypeName, string>> = {
  creative_scoring: 'Creative scoring',
  embedding_generation: 'Embedding generation',
  video_analysis: 'Video analysis',
  hook_generation: 'Hook generation',
  historical_reprocessing: 'Historical reprocessing',
  bulk_prediction: 'Bulk prediction',
};

export const jobTypes = Object.keys(jobTypeNames);

/** What the API calls the jobs of runs that came into no queue, in its sums. */
const outsideQueues = 'other';

/** A type this page does not know is shown as it is. */
export function jobTypeName(type: string | null): string {
  if (type === null || type === outsideQueues) return 'Outside the queues';
  return Object.hasOwn(jobTypeNames, type) ? jobTypeNames[type as JobTypeName] : type;
}

export type Tone = 'neutral' | 'info' | 'good' | 'bad' | 'warning' | 'accent';

export const jobStates: readonly Job['status'][] = [
  'queued',
  'packed',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
];

export const runStates: readonly Run['state'][] = ['open', 'running', 'cancelling', 'ended'];

const tones: Readonly<Record<string, Tone>> = {
  queued: 'neutral',
  open: 'accent',
  packing: 'neutral',
  packed: 'neutral',
  submitting: 'info',
  submitted: 'info',
  unknown: 'warning',
  in_progress: 'info',
  processing: 'info',
  running: 'info',
  cancelling: 'warning',
  ended: 'neutral',
  collecting: 'info',
  collected: 'good',
  completed: 'good',
  succeeded: 'good',
  delivered: 'good',
  healthy: 'good',
  failed: 'bad',
  abandoned: 'bad',
  unhealthy: 'bad',
  critical: 'bad',
  cancelled: 'neutral',
  skipped: 'neutral',
  pending: 'info',
  expired: 'warning',
  degraded: 'warning',
  warning: 'warning',
  info: 'info',
};

export const toneOf = (state: string): Tone => (Object.hasOwn(tones, state) ? (tones[state] ?? 'neutral') : 'neutral');

export const stateName = (state: string): string => state.replaceAll('_', ' ');

/** Nothing more will happen to it. */
export const hasEnded = (batch: Pick<Batch, 'status'>): boolean =>
  batch.status === 'completed' || batch.status === 'failed' || batch.status === 'cancelled';

export const unfinished = (counts: Run['counts']): number => counts.queued + counts.packed + counts.running;

/** What a state of a batch means. */
export const batchStateHints: Readonly<Record<string, string>> = {
  packing: 'Its jobs are being chosen.',
  packed: 'Its jobs are chosen; it waits to be sent.',
  submitting: 'It is on its way to the provider.',
  unknown: 'The provider gave no answer. It is looked for there before anything is sent again.',
  in_progress: 'The provider works on it.',
  ended: 'The provider has finished; its results are fetched next.',
  collecting: 'Its results are being read and booked.',
  collected: 'Every result is booked.',
  failed: 'The provider refused the batch as a whole.',
  abandoned: 'It was given up; its jobs are free again.',
};
