import type { Batch } from '../../../../src/service/contract/batches.ts';
import { BatchLink, BatchProgress, BatchStateTag, Work } from '../../components/batch-parts.tsx';
import { Empty } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { Time } from '../../components/time.tsx';
import { formatDuration } from '../../format.ts';

const shown = 12;
const hourMs = 3_600_000;

const columns: readonly Column<Batch>[] = [
  {
    head: 'Batch',
    kind: 'main',
    cell: (batch) => (
      <span class="work">
        <BatchLink id={batch.batch_id} />
        <Work jobType={batch.job_type} provider={batch.provider} model={batch.model} />
      </span>
    ),
  },
  { head: 'State', kind: 'state', cell: (batch) => <BatchStateTag batch={batch} /> },
  { head: 'At the provider', cell: (batch) => <BatchProgress batch={batch} /> },
  { head: 'Age', kind: 'number', cell: (batch) => formatDuration(batch.age_hours * hourMs) },
  { head: 'Expected end', kind: 'number', cell: (batch) => <Time at={batch.expected_end_at} none="unknown" /> },
];

export function ActiveBatches({ batches }: { batches: readonly Batch[] }) {
  return (
    <Section
      title="Batches in flight"
      actions={
        <a href="/batches" class="more">
          All batches
        </a>
      }
    >
      {batches.length === 0 ? (
        <Empty title="Nothing is with a provider now." />
      ) : (
        <Table
          caption="Batches in flight"
          columns={columns}
          rows={batches.slice(0, shown)}
          rowKey={(batch) => batch.batch_id}
        />
      )}
      {batches.length > shown && (
        <p class="section-foot">
          <a href="/batches?open=true">All {batches.length} batches in flight</a>
        </p>
      )}
    </Section>
  );
}
