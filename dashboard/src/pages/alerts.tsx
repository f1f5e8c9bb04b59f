import type { Alert } from '../../../src/service/contract/overview.ts';
import { withQuery } from '../api.ts';
import { StateTag, Tag } from '../components/figures.tsx';
import { Filters, QuerySelect } from '../components/filters.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { type Column, Table } from '../components/table.tsx';
import { Time } from '../components/time.tsx';
import { useResource } from '../resource.ts';
import { useQuery } from '../router.ts';

const columns: readonly Column<Alert>[] = [
  {
    head: 'Alert',
    kind: 'main',
    cell: (alert) => (
      <span class="work">
        <span class="plain-text strong">{alert.title}</span>
        <span class="plain-text regular">{alert.message}</span>
      </span>
    ),
  },
  { head: 'Severity', cell: (alert) => <StateTag state={alert.severity} /> },
  {
    head: 'State',
    kind: 'state',
    cell: (alert) => (alert.resolved_at === null ? <Tag tone="warning">open</Tag> : <Tag tone="good">resolved</Tag>),
  },
  { head: 'Kind', room: 'wide', cell: (alert) => <code class="plain-text">{alert.type}</code> },
  { head: 'Raised', kind: 'number', cell: (alert) => <Time at={alert.raised_at} /> },
  { head: 'Resolved', kind: 'number', cell: (alert) => <Time at={alert.resolved_at} /> },
];

export function AlertsPage() {
  const isAll = useQuery().get('all') === 'true';
  const alerts = useResource<{ alerts: Alert[] }>(withQuery('/batch/alerts', isAll ? { all: true } : {}), {
    keepsOld: true,
  });
  return (
    <Page
      title="Alerts"
      lead={
        <>
          Each is raised once and resolved once. Limits and channels are in the <a href="/settings">settings</a>.
        </>
      }
    >
      <Filters>
        <QuerySelect label="Show" name="all" options={[['true', 'Open and resolved']]} first="Open" />
      </Filters>
      <Loaded resource={alerts}>
        {(data) =>
          data.alerts.length === 0 ? (
            <Empty title={isAll ? 'There was never an alert.' : 'No open alerts: all is well.'} />
          ) : (
            <Table
              caption="Alerts, newest first"
              columns={columns}
              rows={data.alerts}
              rowKey={(alert) => alert.id}
              isStale={alerts.isStale}
            />
          )
        }
      </Loaded>
    </Page>
  );
}
