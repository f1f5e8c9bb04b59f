import type { Dashboard } from '../../../../src/service/contract/overview.ts';
import { everyDay } from '../../charts/every-day.ts';
import { Chart } from '../../components/chart.tsx';
import { Money } from '../../components/figures.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { dayOf, daysBefore, formatPercent, shareOf } from '../../format.ts';
import { useNow } from '../../now.ts';

interface Period {
  name: string;
  spent: number;
  saved: number;
}

const columns: readonly Column<Period>[] = [
  { head: 'Period', kind: 'main', cell: (period) => period.name },
  { head: 'Spent', kind: 'number', cell: (period) => <Money usd={period.spent} /> },
  { head: 'Saved', kind: 'number', cell: (period) => <Money usd={period.saved} /> },
  {
    head: 'Share',
    kind: 'number',
    cell: (period) =>
      period.spent + period.saved > 0 ? formatPercent(shareOf(period.saved, period.spent + period.saved)) : '–',
  },
];

/** Days are those of the server: in UTC. */
export function SpendingSection({ days }: { days: Dashboard['days'] }) {
  const now = useNow();
  const since = (count: number): Period['spent'][] => {
    const first = daysBefore(now, count - 1);
    const inside = days.filter((day) => day.day >= first);
    return [inside.reduce((sum, day) => sum + day.cost_usd, 0), inside.reduce((sum, day) => sum + day.savings_usd, 0)];
  };
  const period = (name: string, count: number): Period => {
    const [spent = 0, saved = 0] = since(count);
    return { name, spent, saved };
  };
  return (
    <Section
      title="Spent and saved"
      note="days in UTC"
      actions={
        <a href="/costs" class="more">
          Costs
        </a>
      }
    >
      <Chart days={everyDay(days, daysBefore(now, 29), dayOf(now))} />
      <Table
        caption="Spent and saved today, in 7 and in 30 days"
        columns={columns}
        rows={[period('Today', 1), period('7 days', 7), period('30 days', 30)]}
        rowKey={(row) => row.name}
        isSmall
      />
    </Section>
  );
}
