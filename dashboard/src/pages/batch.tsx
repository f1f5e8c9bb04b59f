import type { BatchDetails } from '../../../src/service/contract/batches.ts';
import { pathOf, post } from '../api.ts';
import { ConfirmButton } from '../components/action.tsx';
import { Bar, Legend } from '../components/bar.tsx';
import { BatchStateTag, progressOf, RunLink, Work } from '../components/batch-parts.tsx';
import { Code, Facts, Money, Stat, Tag } from '../components/figures.tsx';
import { NewestJobs } from '../components/newest-jobs.tsx';
import { Loaded } from '../components/notes.tsx';
import { Page, Section } from '../components/page.tsx';
import { ExactTime, Time } from '../components/time.tsx';
import { formatBytes, formatCompact, formatCount, formatDuration, formatPercent, plural, shareOf } from '../format.ts';
import { useResource } from '../resource.ts';
import { linkTo } from '../router.ts';
import { batchStateHints, hasEnded, jobTypeName, stateName, toneOf } from '../words.ts';

export function BatchPage({ parameters: { id = '' } }: { parameters: Record<string, string> }) {
  const batch = useResource<BatchDetails>(pathOf`/batch/batches/${id}`, { affects: (event) => event.batch_id === id });
  const { data } = batch;
  return (
    <Page
      title={id}
      tab={`Batch ${id}`}
      parents={
        data
          ? [
              ['Batches', '/batches'],
              ['Its run', linkTo('runs', data.run_id)],
            ]
          : [['Batches', '/batches']]
      }
      tags={
        data && (
          <>
            <BatchStateTag batch={data} />
            {data.cancel_requested && !hasEnded(data) && <Tag tone="warning">cancel requested</Tag>}
          </>
        )
      }
      lead={data && <Work jobType={data.job_type} provider={data.provider} model={data.model} />}
      actions={
        data && !hasEnded(data) && !data.cancel_requested && <CancelBatch batch={data} refresh={batch.refresh} />
      }
    >
      <Loaded resource={batch}>{(details) => <BatchBody batch={details} />}</Loaded>
    </Page>
  );
}

function CancelBatch({ batch, refresh }: { batch: BatchDetails; refresh: () => void }) {
  return (
    <ConfirmButton
      label="Cancel batch"
      title="Cancel this batch?"
      confirm="Cancel batch"
      isDangerous
      act={async () => {
        const { message } = await post<{ message: string }>(pathOf`/batch/batches/${batch.batch_id}/cancel`);
        refresh();
        return message;
      }}
    >
      <p>
        {batch.provider} is asked to stop. What it has finished by then is paid, and kept. The others of the{' '}
        {plural(batch.job_count, 'job')} end as cancelled.
      </p>
    </ConfirmButton>
  );
}

const hourMs = 3_600_000;

function BatchBody({ batch }: { batch: BatchDetails }) {
  const { parts, total, done } = progressOf(batch);
  return (
    <>
      {batch.error && (
        <div class="note note-bad">
          <p class="note-title">What went wrong</p>
          <p class="plain-text">{batch.error}</p>
        </div>
      )}
      {batch.quarantined > 0 && (
        <p class="note note-warning">
          {plural(batch.quarantined, 'result row')} belonged to none of its jobs, and{' '}
          {batch.quarantined === 1 ? 'was' : 'were'} put aside.
        </p>
      )}
      <section class="section hero" aria-label="Progress">
        <Bar parts={parts} total={total} label="Jobs of this batch" />
        <Legend parts={parts} total={total} />
        {batch.provider_status && (
          <p class="faint">
            {batch.provider} says: <span class="plain-text strong">{batch.provider_status.status}</span>
          </p>
        )}
      </section>
      <dl class="stats">
        <Stat label="Done" note={`${formatCount(done)} of ${plural(total, 'job')}`}>
          {formatPercent(shareOf(done, total))}
        </Stat>
        <Stat label="Age" note={<Ends batch={batch} />}>
          {formatDuration(batch.age_hours * hourMs)}
        </Stat>
        <Stat label="Cost" note={`${formatCompact(batch.estimated_tokens)} tokens estimated`}>
          <Money usd={batch.cost_usd} />
        </Stat>
        <Stat label="Saved" tone="good" note="against realtime">
          <Money usd={batch.cost_savings} />
        </Stat>
      </dl>
      <div class="columns">
        <div class="column-wide">
          <Timeline batch={batch} />
          <NewestJobs batchId={batch.batch_id} hides={['run', 'work', 'batch']} />
        </div>
        <div class="column-narrow">
          <BatchFacts batch={batch} />
        </div>
      </div>
    </>
  );
}

function Ends({ batch }: { batch: BatchDetails }) {
  if (batch.completed_at !== null)
    return (
      <>
        ended <Time at={batch.completed_at} />
      </>
    );
  return (
    <>
      expected end <Time at={batch.expected_end_at} none="unknown" />
    </>
  );
}

function Timeline({ batch }: { batch: BatchDetails }) {
  return (
    <Section title="Timeline">
      <ol class="timeline">
        {batch.timeline.map((step, index) => (
          <li key={`${step.at} ${step.state}`} class={`timeline-${toneOf(step.state)}`}>
            <span class="timeline-state">{stateName(step.state)}</span>
            <span class="faint timeline-time">
              <ExactTime at={step.at} />
              {index > 0 &&
                ` · after ${formatDuration(Date.parse(step.at) - Date.parse(batch.timeline[index - 1]?.at ?? step.at))}`}
            </span>
            <span class="timeline-text plain-text">{step.detail ?? batchStateHints[step.state] ?? ''}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function BatchFacts({ batch }: { batch: BatchDetails }) {
  return (
    <Section title="About this batch">
      <Facts
        facts={[
          ['Run', <RunLink key="run" id={batch.run_id} />],
          ['Job type', batch.job_type === null ? null : jobTypeName(batch.job_type)],
          ['Provider', batch.provider],
          [
            'Model',
            <span key="model" class="name">
              {batch.model}
            </span>,
          ],
          ['Id at the provider', batch.provider_batch_id && <Code key="id" text={batch.provider_batch_id} />],
          ['Input file', batch.input_file_id && <Code key="file" text={batch.input_file_id} />],
          ['SHA-256 of the request file', batch.sha256 && <Code key="hash" text={batch.sha256} />],
          ['Size', formatBytes(batch.bytes)],
          ['Created', <ExactTime key="made" at={batch.created_at} />],
          ['Sent', batch.submitted_at && <ExactTime key="sent" at={batch.submitted_at} />],
          ['Expires', batch.expires_at && <Time key="expires" at={batch.expires_at} />],
          ['Ended', batch.completed_at && <ExactTime key="ended" at={batch.completed_at} />],
        ]}
      />
    </Section>
  );
}
