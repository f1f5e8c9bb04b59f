import type { RunsPage as Answer, Run } from '../../../src/service/contract/runs.ts';
import { withQuery } from '../api.ts';
import { RunLink, Work } from '../components/batch-parts.tsx';
import { Count, Money, SimulatedTag, StateTag } from '../components/figures.tsx';
import { Filters, JobTypeSelect, ProviderSelect, QuerySelect, QueryText } from '../components/filters.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { PagerButtons, usePager } from '../components/pager.tsx';
import { RunProgress } from '../components/run-parts.tsx';
import { type Column, Table } from '../components/table.tsx';
import { Time } from '../components/time.tsx';
import { useResource } from '../resource.ts';
import { useQuery } from '../router.ts';
import { runStates, stateName } from '../words.ts';

const columns: readonly Column<Run>[] = [
  {
    head: 'Run',
    kind: 'main',
    cell: (run) => (
      <span class="work">
        <span class="feed-head">
          <RunLink id={run.run_id} name={run.name} />
          {run.simulated && <SimulatedTag />}
        </span>
        <Work jobType={run.job_type} provider={run.provider} model={run.model} />
      </span>
    ),
  },
  { head: 'State', kind: 'state', cell: (run) => <StateTag state={run.state} /> },
  { head: 'Progress', cell: (run) => <RunProgress run={run} /> },
  { head: 'Jobs', kind: 'number', cell: (run) => <Count value={run.counts.total} /> },
  { head: 'Failed', kind: 'number', room: 'medium', cell: (run) => <Count value={run.counts.failed} /> },
  { head: 'Cost', kind: 'number', cell: (run) => <Money usd={run.cost_usd} /> },
  { head: 'Saved', kind: 'number', room: 'wide', cell: (run) => <Money usd={run.cost_savings} /> },
  { head: 'Created', kind: 'number', room: 'medium', cell: (run) => <Time at={run.created_at} /> },
];

/** Every filling of a queue, and every run that a program made. */
export function RunsPage() {
  const query = useQuery();
  const filter = {
    state: query.get('state') ?? undefined,
    job_type: query.get('job_type') ?? undefined,
    provider: query.get('provider') ?? undefined,
    search: query.get('search') ?? undefined,
  };
  const pager = usePager(withQuery('', filter));
  const runs = useResource<Answer>(withQuery('/batch/runs', { ...filter, before: pager.before, limit: 50 }), {
    keepsOld: true,
  });
  return (
    <Page
      title="Runs"
      lead="Jobs that are sent, watched and paid for together: one filling of a queue, or what a program submits at once."
    >
      <Filters>
        <QueryText label="Name or id" name="search" isSearch />
        <QuerySelect
          label="State"
          name="state"
          options={runStates.map((state) => [state, stateName(state)] as const)}
        />
        <JobTypeSelect />
        <ProviderSelect />
      </Filters>
      <Loaded resource={runs}>
        {(data) => (
          <>
            {data.runs.length === 0 ? (
              <NoRuns isFiltered={query.size > 0} />
            ) : (
              <Table
                caption="Runs, newest first"
                columns={columns}
                rows={data.runs}
                rowKey={(run) => run.run_id}
                isStale={runs.isStale}
              />
            )}
            <PagerButtons pager={pager} next={data.next_before} isStale={runs.isStale} what="runs" />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function NoRuns({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No run fits these filters." />;
  return (
    <Empty title="There is no run yet.">
      <p>
        The first job that is queued makes one. Queue it <a href="/queue">by hand</a> or{' '}
        <a href="/upload">from a file</a>.
      </p>
    </Empty>
  );
}
