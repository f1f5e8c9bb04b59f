import type { Dashboard } from '../../../src/service/contract/overview.ts';
import { post } from '../api.ts';
import { ConfirmButton } from '../components/action.tsx';
import { Stat } from '../components/figures.tsx';
import { Icon } from '../components/icon.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { Command } from '../components/text-block.tsx';
import { Time } from '../components/time.tsx';
import { formatClock, formatCompact, formatCount, formatMoney, formatPercent, plural } from '../format.ts';
import { useResource } from '../resource.ts';
import { ActiveBatches } from './overview/active-batches.tsx';
import { Activity } from './overview/activity.tsx';
import { OpenAlerts } from './overview/open-alerts.tsx';
import { SpendingSection } from './overview/spending.tsx';
import { WaitingQueues } from './overview/waiting-queues.tsx';
import { WorkByType } from './overview/work-by-type.tsx';

/** What goes on now, what waits, what it costs. */
export function OverviewPage() {
  const dashboard = useResource<Dashboard>('/batch/dashboard');
  return (
    <Page title="Overview" tab="Overview">
      <Loaded resource={dashboard}>{(data) => <Overview data={data} refresh={dashboard.refresh} />}</Loaded>
    </Page>
  );
}

function Overview({ data, refresh }: { data: Dashboard; refresh: () => void }) {
  const { overview } = data;
  if (overview.total_jobs_queued === 0) return <FirstSteps />;
  return (
    <>
      <NextSending data={data} refresh={refresh} />
      <Figures data={data} />
      <div class="columns">
        <div class="column-wide">
          <ActiveBatches batches={data.active_batches} />
          <WaitingQueues queues={data.queues} refresh={refresh} />
          <WorkByType metrics={data.metrics_by_category} />
        </div>
        <div class="column-narrow">
          <OpenAlerts alerts={data.alerts} />
          <SpendingSection days={data.days} />
          <Activity rows={data.recent_activity} />
        </div>
      </div>
    </>
  );
}

function NextSending({ data, refresh }: { data: Dashboard; refresh: () => void }) {
  const { schedule, queues } = data;
  const waiting = queues.reduce((sum, queue) => sum + queue.count, 0);
  const next = schedule.next_at === null ? undefined : Date.parse(schedule.next_at);
  return (
    <section class="next-sending" aria-label="Next sending">
      <Icon name="dark" />
      <p>
        {schedule.enabled && next !== undefined ? (
          <>
            <span class="next-sending-time">
              Next sending <Time at={schedule.next_at} />
            </span>
            <span class="faint">
              {' '}
              every day at {schedule.time} {schedule.time_zone} · {formatClock(next)} your time
            </span>
          </>
        ) : (
          <>
            <span class="next-sending-time">The nightly schedule is off</span>
            <span class="faint"> Queues are sent by their other triggers, or by hand.</span>
          </>
        )}
      </p>
      <div class="next-sending-actions">
        {waiting > 0 && (
          <ConfirmButton
            label="Send all now"
            isPrimary
            title="Send all queues now?"
            confirm="Send all now"
            act={async () => {
              const { message } = await post<{ message: string }>('/batch/process/all');
              refresh();
              return message;
            }}
          >
            <p>
              {plural(waiting, 'job')} in {plural(queues.length, 'queue')} go to their providers, in as many batches as
              they need. Jobs that are queued later wait for the next sending.
            </p>
          </ConfirmButton>
        )}
        <ScheduleButton isOn={schedule.enabled} refresh={refresh} />
      </div>
    </section>
  );
}

function ScheduleButton({ isOn, refresh }: { isOn: boolean; refresh: () => void }) {
  return (
    <ConfirmButton
      label={isOn ? 'Pause schedule' : 'Turn on schedule'}
      title={isOn ? 'Pause the nightly schedule?' : 'Turn the nightly schedule on?'}
      confirm={isOn ? 'Pause' : 'Turn on'}
      act={async () => {
        const { message } = await post<{ message: string }>(isOn ? '/batch/scheduler/stop' : '/batch/scheduler/start');
        refresh();
        return message;
      }}
    >
      <p>
        {isOn
          ? 'No queue is sent by the time of day until it is turned on again. Triggers by count, age and size go on.'
          : 'Every queue is sent once a day, at the time in the settings.'}
      </p>
    </ConfirmButton>
  );
}

function Figures({ data }: { data: Dashboard }) {
  const { overview, active_batches: active, days } = data;
  const inFlight = active.reduce((sum, batch) => sum + batch.job_count, 0);
  const saved = days.reduce((sum, day) => sum + day.savings_usd, 0);
  const spent = days.reduce((sum, day) => sum + day.cost_usd, 0);
  return (
    <dl class="stats">
      <Stat label="Waiting" note={`in ${plural(data.queues.length, 'queue')}`}>
        {formatCount(data.queues.reduce((sum, queue) => sum + queue.count, 0))}
      </Stat>
      <Stat
        label="Under way"
        note={`${plural(overview.active_batches, 'batch', 'batches')}, ${formatCompact(inFlight)} jobs`}
      >
        {formatCount(overview.jobs_under_way)}
      </Stat>
      <Stat
        label="Success rate"
        note={
          <>
            {formatCount(overview.total_jobs_processed)} ended ·{' '}
            <a href="/jobs?state=failed">{formatCount(overview.jobs_failed)} failed</a>
          </>
        }
      >
        {overview.total_jobs_processed > 0 ? formatPercent(overview.success_rate) : '–'}
      </Stat>
      <Stat label="Spent, 30 days" note={`${formatMoney(spent + saved)} in realtime`}>
        {formatMoney(spent)}
      </Stat>
      <Stat label="Saved, 30 days" tone="good" note={`${formatMoney(overview.total_cost_savings)} all time`}>
        {formatMoney(saved)}
      </Stat>
    </dl>
  );
}

function FirstSteps() {
  const command = `curl -X POST ${location.origin}/batch/queue \\
  -H 'Content-Type: application/json' \\
  -H "Authorization: Bearer $OFFPEAK_TOKEN" \\
  -d '{"job_type": "creative_scoring", "provider": "openai",
       "data": {"creative_id": "ad-1", "script": "Three exercises for a strong back"}}'`;
  return (
    <Empty title="No job has been queued yet.">
      <p>
        Queue the first one from a program, <a href="/queue">by hand</a>, or <a href="/upload">from a file</a>. It waits
        for the next sending and is answered at the batch price.
      </p>
      <Command text={command} />
    </Empty>
  );
}
