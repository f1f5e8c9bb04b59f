import type { DeliveriesPage as Answer, Delivery } from '../../../src/service/contract/deliveries.ts';
import { withQuery } from '../api.ts';
import { JobLink, RunLink } from '../components/batch-parts.tsx';
import { Count, StateTag } from '../components/figures.tsx';
import { Filters, QuerySelect, QueryText } from '../components/filters.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { PagerButtons, usePager } from '../components/pager.tsx';
import { type Column, Table } from '../components/table.tsx';
import { Time } from '../components/time.tsx';
import { useResource } from '../resource.ts';
import { linkTo, useQuery } from '../router.ts';
import { RedeliverButton } from './deliveries/redeliver-button.tsx';

const states = ['pending', 'delivered', 'failed'] as const;

export function DeliveriesPage() {
  const query = useQuery();
  const filter = { state: query.get('state') ?? undefined, job_id: query.get('job_id') ?? undefined };
  const pager = usePager(withQuery('', filter));
  const deliveries = useResource<Answer>(
    withQuery('/batch/deliveries', { ...filter, before: pager.before, limit: 50 }),
    { keepsOld: true },
  );
  const columns: readonly Column<Delivery>[] = [
    {
      head: 'Delivery',
      kind: 'main',
      cell: (delivery) => (
        <span class="work">
          <a href={linkTo('deliveries', delivery.delivery_id)}>
            {delivery.delivery_id} · {delivery.event}
          </a>
          <span class="faint name">{delivery.url}</span>
          {delivery.state !== 'delivered' && (delivery.last_error ?? delivery.last_status) !== null && (
            <span class="cell-note plain-text is-bad">{delivery.last_error ?? `HTTP ${delivery.last_status}`}</span>
          )}
        </span>
      ),
    },
    { head: 'State', kind: 'state', cell: (delivery) => <StateTag state={delivery.state} /> },
    {
      head: 'About',
      cell: (delivery) =>
        delivery.job_id !== null ? (
          <JobLink id={delivery.job_id} />
        ) : delivery.run_id !== null ? (
          <RunLink id={delivery.run_id} />
        ) : (
          <span class="faint">–</span>
        ),
    },
    { head: 'Attempts', kind: 'number', cell: (delivery) => <Count value={delivery.attempts} /> },
    { head: 'Next try', kind: 'number', room: 'wide', cell: (delivery) => <Time at={delivery.next_at} /> },
    { head: 'Created', kind: 'number', room: 'wide', cell: (delivery) => <Time at={delivery.created_at} /> },
    {
      head: 'Actions',
      kind: 'action',
      cell: (delivery) => <RedeliverButton id={delivery.delivery_id} isSmall refresh={deliveries.refresh} />,
    },
  ];
  return (
    <Page
      title="Deliveries"
      lead="Callbacks and webhooks that were sent. A failed one is retried for three days, with growing pauses."
    >
      <Filters>
        <QuerySelect label="State" name="state" options={states.map((state) => [state, state] as const)} />
        <QueryText label="Job id" name="job_id" isSearch />
      </Filters>
      <Loaded resource={deliveries}>
        {(data) => (
          <>
            {data.deliveries.length === 0 ? (
              <NoDeliveries isFiltered={query.size > 0} />
            ) : (
              <Table
                caption="Deliveries, newest first"
                columns={columns}
                rows={data.deliveries}
                rowKey={(delivery) => delivery.delivery_id}
                isStale={deliveries.isStale}
              />
            )}
            <PagerButtons pager={pager} next={data.next_before} isStale={deliveries.isStale} what="deliveries" />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function NoDeliveries({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No delivery fits these filters." />;
  return (
    <Empty title="Nothing was delivered yet.">
      <p>
        Give a job a <code>callback_url</code> when you queue it, or add a webhook in the{' '}
        <a href="/settings">settings</a>.
      </p>
    </Empty>
  );
}
