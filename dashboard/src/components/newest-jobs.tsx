import type { JobsPage } from '../../../src/service/contract/jobs.ts';
import { withQuery } from '../api.ts';
import { useResource } from '../resource.ts';
import { type JobPart, JobsTable } from './jobs-table.tsx';
import { Empty, Loaded } from './notes.tsx';
import { Section } from './page.tsx';

/** The newest jobs of a run or of a batch; all of them, with search, are on the page of jobs. */
export function NewestJobs(props: { runId?: string; batchId?: string; hides: readonly JobPart[] }) {
  const { runId, batchId } = props;
  const filter = { run_id: runId, batch_id: batchId };
  const jobs = useResource<JobsPage>(withQuery('/batch/jobs', { ...filter, limit: 10 }), {
    affects: (event) => (runId !== undefined ? event.run_id === runId : event.batch_id === batchId),
  });
  return (
    <Section
      title="Jobs"
      note="newest first"
      actions={
        <a class="more" href={withQuery('/jobs', filter)}>
          All jobs
        </a>
      }
    >
      <Loaded resource={jobs}>
        {(data) =>
          data.jobs.length === 0 ? <Empty title="None yet." /> : <JobsTable jobs={data.jobs} hides={props.hides} />
        }
      </Loaded>
    </Section>
  );
}
