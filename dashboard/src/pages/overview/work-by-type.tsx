import type { Dashboard } from '../../../../src/service/contract/overview.ts';
import { Count, Money } from '../../components/figures.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { jobTypeName } from '../../words.ts';

type Row = { type: string } & Dashboard['metrics_by_category'][string];

const columns: readonly Column<Row>[] = [
  { head: 'Job type', kind: 'main', cell: (row) => jobTypeName(row.type) },
  { head: 'Queued', kind: 'number', cell: (row) => <Count value={row.jobs_queued} /> },
  { head: 'Processed', kind: 'number', cell: (row) => <Count value={row.jobs_processed} /> },
  { head: 'Batches', kind: 'number', cell: (row) => <Count value={row.batches_submitted} /> },
  { head: 'Completed', kind: 'number', room: 'wide', cell: (row) => <Count value={row.batches_completed} /> },
  { head: 'Failed', kind: 'number', cell: (row) => <Count value={row.batches_failed} /> },
  { head: 'Saved', kind: 'number', cell: (row) => <Money usd={row.cost_savings} /> },
];

export function WorkByType({ metrics }: { metrics: Dashboard['metrics_by_category'] }) {
  const rows = Object.entries(metrics).map(([type, figures]) => ({ type, ...figures }));
  if (rows.length === 0) return null;
  return (
    <Section title="By job type" note="all time">
      <Table caption="Figures by job type" columns={columns} rows={rows} rowKey={(row) => row.type} />
    </Section>
  );
}
