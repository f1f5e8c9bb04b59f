import { useState } from 'preact/hooks';
import type { Costs } from '../../../src/service/contract/money.ts';
import { withQuery } from '../api.ts';
import { everyDay } from '../charts/every-day.ts';
import { Chart } from '../components/chart.tsx';
import { Money, Stat } from '../components/figures.tsx';
import { Loaded } from '../components/notes.tsx';
import { Page, Section } from '../components/page.tsx';
import { dayOf, daysBefore, formatCompact, formatCount, formatPercent, plural, shareOf } from '../format.ts';
import { useNow } from '../now.ts';
import { useResource } from '../resource.ts';
import { changeQuery, useQuery } from '../router.ts';
import { CostTable } from './costs/cost-table.tsx';
import { ReportSection } from './costs/report.tsx';

const periods = [7, 30, 90, 365] as const;

type By = Exclude<Costs['by'], 'day'>;
const groupings: readonly (readonly [By, string])[] = [
  ['job_type', 'Job type'],
  ['provider', 'Provider'],
  ['model', 'Model'],
  ['run', 'Run'],
];

/** What was charged, and what realtime would have cost. */
export function CostsPage() {
  const query = useQuery();
  const days = periods.find((period) => String(period) === query.get('days')) ?? 30;
  const [by, setBy] = useState<By>('job_type');
  const now = useNow();
  const since = daysBefore(now, days - 1);
  const byDay = useResource<Costs>(withQuery('/batch/costs', { by: 'day', since }), { keepsOld: true });
  const byGroup = useResource<Costs>(withQuery('/batch/costs', { by, since }), { keepsOld: true });
  return (
    <Page
      title="Costs"
      lead={
        <fieldset class="choice choice-inline">
          <legend class="visually-hidden">Period</legend>
          {periods.map((period) => (
            <label key={period}>
              <input
                type="radio"
                name="period"
                checked={period === days}
                onChange={() => changeQuery({ days: String(period) })}
              />
              {period} days
            </label>
          ))}
        </fieldset>
      }
    >
      <Loaded resource={byDay}>
        {(costs) => (
          <>
            <CostStats costs={costs} />
            <Section title="By day" note={`since ${costs.since}, days in UTC`}>
              <Chart
                days={everyDay(
                  costs.rows.map((row) => ({ ...row, day: row.group })),
                  since,
                  dayOf(now),
                )}
                height={240}
              />
            </Section>
          </>
        )}
      </Loaded>
      <Section
        title="By group"
        actions={
          <fieldset class="choice choice-inline">
            <legend class="visually-hidden">Grouped by</legend>
            {groupings.map(([group, name]) => (
              <label key={group}>
                <input type="radio" name="by" checked={group === by} onChange={() => setBy(group)} />
                {name}
              </label>
            ))}
          </fieldset>
        }
      >
        <Loaded resource={byGroup}>{(costs) => <CostTable costs={costs} isStale={byGroup.isStale} />}</Loaded>
      </Section>
      <ReportSection days={days} />
    </Page>
  );
}

function CostStats({ costs }: { costs: Costs }) {
  const sum = (
    field: 'cost_usd' | 'savings_usd' | 'realtime_usd' | 'attempts' | 'input_tokens' | 'output_tokens' | 'unpriced',
  ) => costs.rows.reduce((total, row) => total + row[field], 0);
  const unpriced = sum('unpriced');
  return (
    <dl class="stats">
      <Stat label="Spent" note={unpriced > 0 ? `${plural(unpriced, 'answer')} without a known price` : 'as charged'}>
        <Money usd={sum('cost_usd')} />
      </Stat>
      <Stat label="In realtime" note="the same tokens at list price">
        <Money usd={sum('realtime_usd')} />
      </Stat>
      <Stat label="Saved" tone="good" note={formatPercent(shareOf(sum('savings_usd'), sum('realtime_usd')))}>
        <Money usd={sum('savings_usd')} />
      </Stat>
      <Stat label="Attempts" note="answers and failures">
        {formatCount(sum('attempts'))}
      </Stat>
      <Stat label="Tokens" note={`${formatCompact(sum('output_tokens'))} out`}>
        {formatCompact(sum('input_tokens'))} in
      </Stat>
    </dl>
  );
}
