import { useRef } from 'preact/hooks';
import type { JobDetails } from '../../../src/service/contract/jobs.ts';
import { pathOf, post } from '../api.ts';
import { ConfirmButton } from '../components/action.tsx';
import { BatchLink, JobLink, RunLink } from '../components/batch-parts.tsx';
import { Facts, Money, StateTag, Tag } from '../components/figures.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page, Section } from '../components/page.tsx';
import { asText, TextBlock } from '../components/text-block.tsx';
import { ExactTime } from '../components/time.tsx';
import { useResource } from '../resource.ts';
import { linkTo } from '../router.ts';
import { jobTypeName, stateName } from '../words.ts';
import { Attempts } from './job/attempts.tsx';
import { Prompt } from './job/prompt.tsx';

export function JobPage({ parameters: { id = '' } }: { parameters: Record<string, string> }) {
  const runId = useRef<string | undefined>(undefined);
  const job = useResource<JobDetails>(pathOf`/batch/jobs/${id}`, {
    affects: (event) => event.run_id === runId.current,
  });
  const { data } = job;
  runId.current = data?.run_id;
  return (
    <Page
      title={id}
      tab={`Job ${id}`}
      parents={
        data
          ? [
              ['Jobs', '/jobs'],
              ['Its run', linkTo('runs', data.run_id)],
            ]
          : [['Jobs', '/jobs']]
      }
      tags={
        data && (
          <>
            <StateTag state={data.status} />
            {data.held && <Tag>held until its queue is sent</Tag>}
          </>
        )
      }
      actions={data && <JobActions job={data} refresh={job.refresh} />}
    >
      <Loaded resource={job}>{(details) => <JobBody job={details} />}</Loaded>
    </Page>
  );
}

function JobActions({ job, refresh }: { job: JobDetails; refresh: () => void }) {
  const act = (path: string) => async () => {
    const { message } = await post<{ message: string }>(path);
    refresh();
    return message;
  };
  if (job.status === 'failed' || job.status === 'cancelled')
    return (
      <ConfirmButton
        label="Retry job"
        title="Queue this job again?"
        confirm="Retry"
        act={act(pathOf`/batch/jobs/${job.job_id}/retry`)}
      >
        <p>It goes back to work with all its attempts, and is paid again if it is answered.</p>
      </ConfirmButton>
    );
  // One that is with a provider cannot be taken out of its batch.
  if (job.status !== 'queued' && job.status !== 'packed') return null;
  return (
    <ConfirmButton
      label="Cancel job"
      title="Cancel this job?"
      confirm="Cancel job"
      isDangerous
      act={act(pathOf`/batch/jobs/${job.job_id}/cancel`)}
    >
      <p>It will not be sent.</p>
    </ConfirmButton>
  );
}

function JobBody({ job }: { job: JobDetails }) {
  return (
    <>
      {job.error && (
        <div class="note note-bad">
          <p class="note-title plain-text">{job.error.code}</p>
          <p class="plain-text">{job.error.message}</p>
        </div>
      )}
      <div class="columns">
        <div class="column-wide">
          <Prompt job={job} />
          <AnswerSection job={job} />
          <Attempts job={job} />
          <DataSection job={job} />
        </div>
        <div class="column-narrow">
          <JobFacts job={job} />
          <JobDeliveries job={job} />
        </div>
      </div>
    </>
  );
}

function AnswerSection({ job }: { job: JobDetails }) {
  const hasResponse = job.response !== null && job.response !== undefined;
  const finish = job.finish_reason === null ? undefined : `finished: ${stateName(job.finish_reason)}`;
  return (
    <Section title="Answer" note={finish}>
      {job.output === null && !hasResponse && (
        <Empty title={job.error ? 'There is none: the job failed.' : 'There is none yet.'} />
      )}
      {job.output !== null && <TextBlock text={job.output} label="Answer" />}
      {hasResponse && (
        <details>
          <summary>The provider’s whole answer</summary>
          <TextBlock text={asText(job.response)} label="The provider’s whole answer" />
        </details>
      )}
    </Section>
  );
}

function DataSection({ job }: { job: JobDetails }) {
  return (
    <Section title="What it was queued with">
      <details>
        <summary>The caller’s data</summary>
        <TextBlock text={asText(job.data ?? null)} label="The caller’s data" />
      </details>
      <details>
        <summary>The request as it goes on the wire{job.endpoint ? `, to ${job.endpoint}` : ''}</summary>
        <TextBlock text={asText(job.request ?? null)} label="The request as it goes on the wire" />
      </details>
    </Section>
  );
}

function JobFacts({ job }: { job: JobDetails }) {
  return (
    <Section title="About this job">
      <Facts
        facts={[
          [
            'Key',
            <span key="key" class="name">
              {job.key}
            </span>,
          ],
          ['Run', <RunLink key="run" id={job.run_id} />],
          ['Batch', job.batch_id && <BatchLink key="batch" id={job.batch_id} />],
          ['Job type', job.job_type === null ? null : jobTypeName(job.job_type)],
          ['Provider', job.provider],
          [
            'Model',
            <span key="model" class="name">
              {job.model}
            </span>,
          ],
          ['Priority', job.priority],
          ['Cost', <Money key="cost" usd={job.cost_usd} />],
          ['Reused from', job.reused_from && <JobLink key="reused" id={job.reused_from} />],
          ['Queued', <ExactTime key="queued" at={job.created_at} />],
          ['Ended', job.ended_at && <ExactTime key="ended" at={job.ended_at} />],
          [
            'Callback',
            job.callback_url && (
              <span key="url" class="name">
                {job.callback_url}
              </span>
            ),
          ],
        ]}
      />
    </Section>
  );
}

function JobDeliveries({ job }: { job: JobDetails }) {
  if (job.deliveries.length === 0 && job.callback_url === null) return null;
  return (
    <Section title="Deliveries">
      {job.deliveries.length === 0 ? (
        <Empty title="None yet: it is told when it has ended." />
      ) : (
        <ul class="feed">
          {job.deliveries.map((delivery) => (
            <li key={delivery.delivery_id}>
              <span class="feed-head">
                <a href={linkTo('deliveries', delivery.delivery_id)}>Delivery {delivery.delivery_id}</a>
                <StateTag state={delivery.state} />
              </span>
              <span class="feed-text faint">{delivery.attempts} attempts</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
