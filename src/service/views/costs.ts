import { OffpeakError } from '../../errors.ts';
import type { Store } from '../../store.ts';
import type { SpendingRow } from '../../views.ts';
import type { Costs } from '../contract/money.ts';
import type { OwnViews } from '../own-side.ts';
import { groupCosts, noQueue } from './cost-groups.ts';

const groupOf: Readonly<Record<Exclude<Costs['by'], 'run'>, (row: SpendingRow) => string>> = {
  day: ({ day }) => day,
  job_type: ({ queue }) => queue ?? noQueue,
  provider: ({ provider }) => provider,
  model: ({ provider, model }) => `${provider}:${model}`,
};

/** What was spent from a day (UTC) on. By day: oldest first; else the dearest first. */
export async function costsBy(
  source: { views: Pick<OwnViews, 'listSpending'>; store: Pick<Store, 'listCosts'> },
  by: Costs['by'],
  since: string,
): Promise<Costs> {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(since)) {
    throw new OffpeakError('`since` must be a day such as 2026-11-20 (UTC).', { code: 'usage' });
  }
  const groups =
    by === 'run'
      ? groupCosts(await source.store.listCosts({ since }), ({ runId }) => runId)
      : groupCosts(await source.views.listSpending(since), groupOf[by]);
  const rows = [...groups].map(([group, figures]) => ({ group, ...figures }));
  if (by === 'day') rows.sort((a, b) => (a.group < b.group ? -1 : 1));
  else rows.sort((a, b) => b.cost_usd - a.cost_usd);
  return { by, since, rows };
}
