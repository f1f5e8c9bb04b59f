import type { Alert } from '../../../../src/service/contract/overview.ts';
import { StateTag } from '../../components/figures.tsx';
import { Icon } from '../../components/icon.tsx';
import { Section } from '../../components/page.tsx';
import { Time } from '../../components/time.tsx';

const shown = 5;

export function OpenAlerts({ alerts }: { alerts: readonly Alert[] }) {
  const open = alerts.filter((alert) => alert.resolved_at === null);
  return (
    <Section
      title="Alerts"
      kind="alerts"
      actions={
        <a href="/alerts" class="more">
          History
        </a>
      }
    >
      {open.length === 0 ? (
        <p class="all-well">
          <Icon name="check" /> No open alerts
        </p>
      ) : (
        <ul class="feed">
          {open.slice(0, shown).map((alert) => (
            <li key={alert.id}>
              <span class="feed-head">
                <span class="plain-text strong">{alert.title}</span>
                <StateTag state={alert.severity} />
              </span>
              <span class="feed-text plain-text">{alert.message}</span>
              <span class="feed-text faint">
                <Time at={alert.raised_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {open.length > shown && (
        <p class="section-foot">
          <a href="/alerts">All {open.length} open alerts</a>
        </p>
      )}
    </Section>
  );
}
