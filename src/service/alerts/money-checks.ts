import type { NewAlert, ServiceStore } from '../../service-store.ts';
import type { OwnViews } from '../own-side.ts';
import { dayMs, dayOf, dollars, percentOf } from '../views/figures.ts';
import type { Check } from './check.ts';

export const savingsMilestone = 'savings_milestone';
const cursor = 'savings_milestone';
/** How long a milestone is shown as open. */
const shownMs = dayMs;
/** As in the former system: so far above a milestone it counts as just reached, when nothing is known of before. */
const justReached = 0.1;

/** Each multiple of the milestone once, when what was saved first exceeds it. */
export function savingsMilestoneCheck(
  service: Pick<ServiceStore, 'getCursor' | 'planFrom'>,
  views: Pick<OwnViews, 'totals'>,
): Check {
  return {
    name: 'savings_milestone',
    alerts: [savingsMilestone],
    async find({ settings, open, clock }) {
      const step = settings.alerts.savings_milestone_usd;
      const { realtimeNanoUsd, costNanoUsd } = await views.totals();
      const saved = dollars(realtimeNanoUsd - costNanoUsd);
      const reached = Math.floor(saved / step) * step;
      const told = await service.getCursor(cursor);
      const stillShown = open.filter(({ raisedAt }) => clock.now() - raisedAt < shownMs);
      if (reached <= 0 || reached <= (told ?? 0)) return stillShown;
      // Of a store that had saved much before anybody looked, the last milestone is no news.
      if (told === undefined && saved - reached > step * justReached) {
        await moveTo(service, told, reached, clock.now());
        return stillShown;
      }
      return [...stillShown, milestone(reached, saved)];
    },
    async raised(found, { clock }) {
      const told = await service.getCursor(cursor);
      const highest = Math.max(0, ...found.map(({ subject }) => Number(subject)));
      if (highest > (told ?? 0)) await moveTo(service, told, highest, clock.now());
    },
  };
}

async function moveTo(
  service: Pick<ServiceStore, 'planFrom'>,
  from: number | undefined,
  to: number,
  now: number,
): Promise<void> {
  await service.planFrom({ name: cursor, from, to: Math.floor(to) }, [], now);
}

function milestone(reached: number, saved: number): NewAlert {
  return {
    name: savingsMilestone,
    subject: String(reached),
    severity: 'info',
    title: `More than $${reached} saved`,
    message: `$${saved.toFixed(2)} were saved against realtime prices so far.`,
  };
}

/** What was spent in the calendar month (UTC), all queues and runs, against the budget. It stops nothing. */
export function budgetCheck(views: Pick<OwnViews, 'listSpending'>): Check {
  return {
    name: 'budget',
    alerts: ['budget_80', 'budget_100'],
    async find({ settings, clock }) {
      const budget = settings.alerts.monthly_budget_usd;
      if (budget === null) return [];
      const month = dayOf(clock.now()).slice(0, 7);
      const rows = await views.listSpending(`${month}-01`);
      const spent = dollars(rows.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0));
      const percent = percentOf(spent, budget);
      if (percent < 80) return [];
      const isOver = percent >= 100;
      return [
        {
          name: isOver ? 'budget_100' : 'budget_80',
          subject: month,
          severity: isOver ? 'critical' : 'warning',
          title: isOver
            ? `The budget of ${month} is spent`
            : `${Math.floor(percent)} % of the budget of ${month} are spent`,
          message: `$${spent.toFixed(2)} of $${budget.toFixed(2)} were spent in ${month} (UTC). The budget warns, it stops nothing; a run's own budget does.`,
        },
      ];
    },
  };
}
