import type { Batch } from '../../../../src/service/contract/batches.ts';
import { BatchLink, BatchProgress, BatchStateTag } from '../../components/batch-parts.tsx';
import { Money } from '../../components/figures.tsx';
import { Empty } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { Time } from '../../components/time.tsx';

const columns: readonly Column<Batch>[] = [
  { head: 'Batch', kind: 'main', cell: (batch) => <BatchLink id={batch.batch_id} /> },
  { head: 'State', kind: 'state', cell: (batch) => <BatchStateTag batch={batch} /> },
  { head: 'Progress', cell: (batch) => <BatchProgress batch={batch} /> },
  { head: 'Cost', kind: 'number', cell: (batch) => <Money usd={batch.cost_usd} /> },
  { head: 'Sent', kind: 'number', cell: (batch) => <Time at={batch.submitted_at} none="not yet" /> },
];

export function RunBatches({ batches }: { batches: readonly Batch[] }) {
  return (
    <Section title="Batches">
      {batches.length === 0 ? (
        <Empty title="None yet: its jobs are packed when the queue is sent." />
      ) : (
        <Table caption="Batches of this run" columns={columns} rows={batches} rowKey={(batch) => batch.batch_id} />
      )}
    </Section>
  );
}
