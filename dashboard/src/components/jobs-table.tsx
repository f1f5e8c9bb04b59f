import type { Job } from '../../../src/service/contract/jobs.ts';
import { BatchLink, JobLink, RunLink, Work } from './batch-parts.tsx';
import { Count, StateTag, Tag } from './figures.tsx';
import { type Column, Table } from './table.tsx';
import { Time } from './time.tsx';

/** A column that may be left out. */
export type JobPart = 'run' | 'work' | 'batch';

interface JobColumn extends Column<Job> {
  part?: JobPart;
}

const columns: readonly JobColumn[] = [
  {
    head: 'Job',
    kind: 'main',
    cell: (job) => (
      <span class="work">
        <JobLink id={job.job_id} />
        {job.key !== job.job_id && <span class="faint name">{job.key}</span>}
        {job.error_code && <span class="cell-note plain-text is-bad">{job.error_code}</span>}
      </span>
    ),
  },
  {
    head: 'State',
    kind: 'state',
    cell: (job) => (
      <>
        <StateTag state={job.status} />
        {job.held && <Tag>held</Tag>}
      </>
    ),
  },
  {
    head: 'Work',
    kind: 'text',
    part: 'work',
    cell: (job) => <Work jobType={job.job_type} provider={job.provider} model={job.model} />,
  },
  { head: 'Run', part: 'run', room: 'wide', cell: (job) => <RunLink id={job.run_id} /> },
  {
    head: 'Batch',
    part: 'batch',
    cell: (job) => (job.batch_id === null ? <span class="faint">–</span> : <BatchLink id={job.batch_id} />),
  },
  { head: 'Priority', kind: 'number', cell: (job) => <Count value={job.priority} /> },
  { head: 'Attempts', kind: 'number', room: 'medium', cell: (job) => <Count value={job.attempts} /> },
  { head: 'Queued', kind: 'number', cell: (job) => <Time at={job.created_at} /> },
];

/** `hides`: what the page around it says already. */
export function JobsTable(props: { jobs: readonly Job[]; hides?: readonly JobPart[]; isStale?: boolean }) {
  return (
    <Table
      caption="Jobs, newest first"
      columns={columns.filter(({ part }) => part === undefined || !props.hides?.includes(part))}
      rows={props.jobs}
      rowKey={(job) => job.job_id}
      isStale={props.isStale ?? false}
    />
  );
}
