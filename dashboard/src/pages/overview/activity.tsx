import type { Dashboard } from '../../../../src/service/contract/overview.ts';
import { BatchLink } from '../../components/batch-parts.tsx';
import { StateTag } from '../../components/figures.tsx';
import { Empty } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { Time } from '../../components/time.tsx';
import { formatMoney, plural } from '../../format.ts';

export function Activity({ rows }: { rows: Dashboard['recent_activity'] }) {
  return (
    <Section title="Recent activity">
      {rows.length === 0 ? (
        <Empty title="No batch yet." />
      ) : (
        <ol class="feed">
          {rows.map((row) => (
            <li key={row.batch_id}>
              <span class="feed-head">
                <BatchLink id={row.batch_id} />
                <StateTag state={row.status} />
              </span>
              <span class="feed-text faint">
                {plural(row.job_count, 'job')}
                {row.cost_savings > 0 && ` · saved ${formatMoney(row.cost_savings)}`} · <Time at={row.timestamp} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
