import type { RunDetails } from '../../../../src/service/contract/runs.ts';
import { withQuery } from '../../api.ts';
import { Bar } from '../../components/bar.tsx';
import { Count } from '../../components/figures.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';

type Failure = RunDetails['failures'][number];

export function RunFailures(props: { failures: readonly Failure[]; failed: number; runId: string }) {
  if (props.failures.length === 0) return null;
  const most = props.failures.reduce((sum, failure) => Math.max(sum, failure.count), 0);
  const columns: readonly Column<Failure>[] = [
    { head: 'Reason', kind: 'main', cell: (failure) => <code class="plain-text">{failure.code}</code> },
    { head: 'Jobs', kind: 'number', cell: (failure) => <Count value={failure.count} /> },
    {
      head: 'Share',
      room: 'wide',
      cell: (failure) => (
        <Bar parts={[{ name: 'jobs', count: failure.count, kind: 'failed' }]} total={most} label={failure.code} />
      ),
    },
    { head: 'Example', kind: 'text', cell: (failure) => <span class="plain-text">{failure.example}</span> },
  ];
  return (
    <Section
      title="Failures by reason"
      actions={
        <a class="more" href={withQuery('/jobs', { run_id: props.runId, state: 'failed' })}>
          Failed jobs
        </a>
      }
    >
      <Table caption="Failures by reason" columns={columns} rows={props.failures} rowKey={(failure) => failure.code} />
    </Section>
  );
}
