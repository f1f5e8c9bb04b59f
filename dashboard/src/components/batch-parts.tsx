import type { Batch } from '../../../src/service/contract/batches.ts';
import { linkTo } from '../router.ts';
import { batchStateHints, jobTypeName, stateName, toneOf } from '../words.ts';
import { Bar, type BarPart } from './bar.tsx';
import { Count } from './figures.tsx';

export const BatchLink = ({ id }: { id: string }) => (
  <a class="id" href={linkTo('batches', id)} title={id}>
    {id}
  </a>
);

export const RunLink = ({ id, name }: { id: string; name?: string | null }) => (
  <a class={name ? 'name' : 'id'} href={linkTo('runs', id)} title={id}>
    {name || id}
  </a>
);

export const JobLink = ({ id }: { id: string }) => (
  <a class="id" href={linkTo('jobs', id)} title={id}>
    {id}
  </a>
);

/** What is done and by whom: `Creative scoring · openai:gpt-5-mini`. */
export function Work(props: { jobType: string | null; provider: string; model?: string | null }) {
  const where = props.model ? `${props.provider}:${props.model}` : props.provider;
  return (
    <span class="work">
      <span class="wrap">{jobTypeName(props.jobType)}</span>
      <span class="faint name" title={where}>
        {where}
      </span>
    </span>
  );
}

export function BatchStateTag({ batch }: { batch: Pick<Batch, 'state' | 'status'> }) {
  // `ended` alone does not tell that it went well; a batch that was cancelled has `ended` as well.
  const shown = batch.status === 'cancelled' ? 'cancelled' : batch.state;
  return (
    <span class={`tag tag-${toneOf(shown)}`} title={batchStateHints[batch.state]}>
      {stateName(shown)}
    </span>
  );
}

/** By the provider's own counts while it works; by what is booked here afterwards. */
export function progressOf(batch: Batch): { parts: BarPart[]; total: number; done: number } {
  const counts = batch.provider_status?.request_counts;
  const isBooked = batch.succeeded + batch.failed > 0 || !counts;
  const succeeded = isBooked ? batch.succeeded : counts.completed;
  const failed = isBooked ? batch.failed : counts.failed;
  const parts: BarPart[] = [
    { name: isBooked ? 'succeeded' : 'completed', count: succeeded, kind: 'succeeded' },
    { name: 'failed', count: failed, kind: 'failed' },
  ];
  return { parts, total: Math.max(batch.job_count, succeeded + failed), done: succeeded + failed };
}

/** The provider's own progress, in its own word. */
export function BatchProgress({ batch }: { batch: Batch }) {
  const { parts, total, done } = progressOf(batch);
  return (
    <div class="progress">
      <Bar parts={parts} total={total} label={`Progress of ${batch.batch_id}`} />
      <span class="progress-words">
        <Count value={done} /> <span class="faint">of</span> <Count value={total} />
        {batch.provider_status && (
          <span class="faint progress-state" title={batch.provider_status.status}>
            {batch.provider_status.status}
          </span>
        )}
      </span>
    </div>
  );
}
