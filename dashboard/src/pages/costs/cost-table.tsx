import type { Costs } from '../../../../src/service/contract/money.ts';
import { Bar } from '../../components/bar.tsx';
import { RunLink } from '../../components/batch-parts.tsx';
import { Count, Money } from '../../components/figures.tsx';
import { Empty } from '../../components/notes.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { formatCompact, formatPercent, shareOf } from '../../format.ts';
import { jobTypeName } from '../../words.ts';

type Row = Costs['rows'][number];

export function CostTable({ costs, isStale }: { costs: Costs; isStale: boolean }) {
  if (costs.rows.length === 0) return <Empty title="Nothing was spent in this period." />;
  const total = costs.rows.reduce((sum, row) => sum + row.cost_usd, 0);
  const rows = [...costs.rows].sort((a, b) => b.cost_usd - a.cost_usd);
  const columns: readonly Column<Row>[] = [
    { head: 'Group', kind: 'main', cell: (row) => <Group by={costs.by} group={row.group} /> },
    {
      head: 'Share of spending',
      cell: (row) => (
        <div class="progress">
          <Bar parts={[{ name: 'of the money', count: row.cost_usd, kind: 'cost' }]} total={total} label="Share" />
          <span class="progress-words number">{formatPercent(shareOf(row.cost_usd, total))}</span>
        </div>
      ),
    },
    { head: 'Spent', kind: 'number', cell: (row) => <Money usd={row.cost_usd} /> },
    { head: 'In realtime', kind: 'number', cell: (row) => <Money usd={row.realtime_usd} /> },
    { head: 'Saved', kind: 'number', cell: (row) => <Money usd={row.savings_usd} /> },
    { head: 'Attempts', kind: 'number', cell: (row) => <Count value={row.attempts} /> },
    {
      head: 'Tokens in, out',
      kind: 'number',
      room: 'wide',
      cell: (row) => `${formatCompact(row.input_tokens)}, ${formatCompact(row.output_tokens)}`,
    },
    { head: 'No price', kind: 'number', room: 'wide', cell: (row) => <Count value={row.unpriced} /> },
  ];
  return <Table caption="Costs by group" columns={columns} rows={rows} rowKey={(row) => row.group} isStale={isStale} />;
}

function Group({ by, group }: { by: Costs['by']; group: string }) {
  if (by === 'run') return <RunLink id={group} />;
  return <span class="name">{by === 'job_type' ? jobTypeName(group) : group}</span>;
}
