import type { Batch } from '../../../src/service/contract/batches.ts';
import type { BatchesPage as Answer } from '../../../src/service/contract/runs.ts';
import { withQuery } from '../api.ts';
import { BatchLink, BatchProgress, BatchStateTag, RunLink, Work } from '../components/batch-parts.tsx';
import { Money } from '../components/figures.tsx';
import { Filters, JobTypeSelect, ProviderSelect, QuerySelect, QueryText } from '../components/filters.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { PagerButtons, usePager } from '../components/pager.tsx';
import { type Column, Table } from '../components/table.tsx';
import { Time } from '../components/time.tsx';
import { useResource } from '../resource.ts';
import { useQuery } from '../router.ts';

const columns: readonly Column<Batch>[] = [
  {
    head: 'Batch',
    kind: 'main',
    cell: (batch) => (
      <span class="work">
        <BatchLink id={batch.batch_id} />
        <Work jobType={batch.job_type} provider={batch.provider} model={batch.model} />
        {batch.error && <span class="cell-note plain-text is-bad">{batch.error}</span>}
      </span>
    ),
  },
  { head: 'State', kind: 'state', cell: (batch) => <BatchStateTag batch={batch} /> },
  { head: 'Progress', cell: (batch) => <BatchProgress batch={batch} /> },
  { head: 'Run', room: 'wide', cell: (batch) => <RunLink id={batch.run_id} /> },
  { head: 'Cost', kind: 'number', cell: (batch) => <Money usd={batch.cost_usd} /> },
  { head: 'Saved', kind: 'number', room: 'wide', cell: (batch) => <Money usd={batch.cost_savings} /> },
  { head: 'Sent', kind: 'number', room: 'medium', cell: (batch) => <Time at={batch.submitted_at} none="not yet" /> },
  { head: 'Ended', kind: 'number', room: 'medium', cell: (batch) => <Time at={batch.completed_at} /> },
];

export function BatchesPage() {
  const query = useQuery();
  const filter = {
    open: query.get('open') ?? undefined,
    run_id: query.get('run_id') ?? undefined,
    job_type: query.get('job_type') ?? undefined,
    provider: query.get('provider') ?? undefined,
  };
  const pager = usePager(withQuery('', filter));
  const batches = useResource<Answer>(withQuery('/batch/batches', { ...filter, before: pager.before, limit: 50 }), {
    keepsOld: true,
  });
  return (
    <Page title="Batches" lead="What a provider works on: many jobs of one model, sent as one order.">
      <Filters>
        <QueryText label="Run id" name="run_id" isSearch />
        <QuerySelect label="Show" name="open" options={[['true', 'In flight']]} />
        <JobTypeSelect />
        <ProviderSelect />
      </Filters>
      <Loaded resource={batches}>
        {(data) => (
          <>
            {data.batches.length === 0 ? (
              <Empty title={query.size > 0 ? 'No batch fits these filters.' : 'No batch has been made yet.'}>
                {query.size === 0 && (
                  <p>
                    Batches are made when queues are sent: see what waits on the <a href="/">overview</a>.
                  </p>
                )}
              </Empty>
            ) : (
              <Table
                caption="Batches, newest first"
                columns={columns}
                rows={data.batches}
                rowKey={(batch) => batch.batch_id}
                isStale={batches.isStale}
              />
            )}
            <PagerButtons pager={pager} next={data.next_before} isStale={batches.isStale} what="batches" />
          </>
        )}
      </Loaded>
    </Page>
  );
}
