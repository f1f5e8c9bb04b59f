import type { JobsPage as Answer } from '../../../src/service/contract/jobs.ts';
import { post, withQuery } from '../api.ts';
import { ConfirmButton } from '../components/action.tsx';
import { Filters, QuerySelect, QueryText } from '../components/filters.tsx';
import { JobsTable } from '../components/jobs-table.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { PagerButtons, usePager } from '../components/pager.tsx';
import { useResource } from '../resource.ts';
import { useQuery } from '../router.ts';
import { jobStates, stateName } from '../words.ts';

/** Pages and search are the server's: there may be a million. */
export function JobsPage() {
  const query = useQuery();
  const filter = {
    search: query.get('search') ?? undefined,
    state: query.get('state') ?? undefined,
    run_id: query.get('run_id') ?? undefined,
    batch_id: query.get('batch_id') ?? undefined,
  };
  const pager = usePager(withQuery('', filter));
  const jobs = useResource<Answer>(withQuery('/batch/jobs', { ...filter, before: pager.before, limit: 50 }), {
    keepsOld: true,
  });
  return (
    <Page title="Jobs" actions={<RetryFailed refresh={jobs.refresh} />}>
      <Filters>
        <QueryText label="Job id, or key in a run" name="search" isSearch />
        <QuerySelect
          label="State"
          name="state"
          options={jobStates.map((state) => [state, stateName(state)] as const)}
        />
        <QueryText label="Run id" name="run_id" />
        <QueryText label="Batch id" name="batch_id" />
      </Filters>
      <Loaded resource={jobs}>
        {(data) => (
          <>
            {data.jobs.length === 0 ? (
              <NoJobs isFiltered={query.size > 0} />
            ) : (
              <JobsTable jobs={data.jobs} isStale={jobs.isStale} />
            )}
            <PagerButtons pager={pager} next={data.next_before} isStale={jobs.isStale} what="jobs" />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function NoJobs({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No job fits these filters." />;
  return (
    <Empty title="No job has been queued yet.">
      <p>
        <a href="/queue">Queue one by hand</a>, <a href="/upload">upload a file</a>, or send them to{' '}
        <code>POST /batch/queue</code>.
      </p>
    </Empty>
  );
}

function RetryFailed({ refresh }: { refresh: () => void }) {
  return (
    <ConfirmButton
      label="Retry all failed …"
      title="Retry the failed jobs of all runs?"
      confirm="Retry"
      act={async () => {
        const { message } = await post<{ message: string }>('/batch/retry', {});
        refresh();
        return message;
      }}
    >
      <p>
        Every failed job is queued again with all its attempts, and paid again where it is answered. For those of one
        run, open the run.
      </p>
    </ConfirmButton>
  );
}
