import type { JobDetails } from '../../../../src/service/contract/jobs.ts';
import { BatchLink } from '../../components/batch-parts.tsx';
import { Money, StateTag } from '../../components/figures.tsx';
import { Empty } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { Time } from '../../components/time.tsx';
import { formatCount, formatDuration } from '../../format.ts';

type Attempt = JobDetails['history'][number];

const columns: readonly Column<Attempt>[] = [
  {
    head: 'Attempt',
    kind: 'main',
    cell: (attempt) => (
      <>
        <span class="feed-head">
          {attempt.attempt} <StateTag state={attempt.outcome ?? 'running'} />
        </span>
        {attempt.error && (
          <span class="cell-note plain-text regular">
            {attempt.error.code}: {attempt.error.message}
          </span>
        )}
      </>
    ),
  },
  {
    head: 'Batch',
    cell: (attempt) =>
      attempt.batch_id === null ? <span class="faint">realtime</span> : <BatchLink id={attempt.batch_id} />,
  },
  {
    head: 'Tokens in, out',
    kind: 'number',
    cell: ({ usage }) =>
      usage === null ? (
        <span class="faint">–</span>
      ) : (
        <span class="number">
          {formatCount(usage.input_tokens)}, {formatCount(usage.output_tokens)}
        </span>
      ),
  },
  { head: 'Cost', kind: 'number', cell: (attempt) => <Money usd={attempt.cost_usd} /> },
  { head: 'Started', kind: 'number', room: 'wide', cell: (attempt) => <Time at={attempt.started_at} /> },
  {
    head: 'Took',
    kind: 'number',
    cell: ({ started_at, ended_at }) =>
      ended_at === null ? <span class="faint">–</span> : formatDuration(Date.parse(ended_at) - Date.parse(started_at)),
  },
];

export function Attempts({ job }: { job: JobDetails }) {
  return (
    <Section title="Attempts">
      {job.history.length === 0 ? (
        <Empty title="It has not been sent yet." />
      ) : (
        <Table caption="Attempts" columns={columns} rows={job.history} rowKey={(attempt) => attempt.attempt} />
      )}
    </Section>
  );
}
