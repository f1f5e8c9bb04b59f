import type { RunDetails } from '../../../src/service/contract/runs.ts';
import { pathOf, post } from '../api.ts';
import { ConfirmButton } from '../components/action.tsx';
import { Bar, Legend } from '../components/bar.tsx';
import { Work } from '../components/batch-parts.tsx';
import { Facts, Money, SimulatedTag, Stat, StateTag } from '../components/figures.tsx';
import { NewestJobs } from '../components/newest-jobs.tsx';
import { Loaded } from '../components/notes.tsx';
import { Page, Section } from '../components/page.tsx';
import { runParts } from '../components/run-parts.tsx';
import { ExactTime, Time } from '../components/time.tsx';
import { formatCompact, formatCount, formatMoney, formatPercent, plural, shareOf } from '../format.ts';
import { useResource } from '../resource.ts';
import { jobTypeName, unfinished } from '../words.ts';
import { RunBatches } from './run/run-batches.tsx';
import { RunFailures } from './run/run-failures.tsx';
import { RunResults } from './run/run-results.tsx';

export function RunPage({ parameters: { id = '' } }: { parameters: Record<string, string> }) {
  const run = useResource<RunDetails>(pathOf`/batch/runs/${id}`, { affects: (event) => event.run_id === id });
  const title = run.data?.name ?? id;
  return (
    <Page
      title={title}
      tab={`Run ${title}`}
      parents={[['Runs', '/runs']]}
      tags={
        run.data && (
          <>
            <StateTag state={run.data.state} />
            {run.data.simulated && <SimulatedTag />}
          </>
        )
      }
      lead={run.data && <Work jobType={run.data.job_type} provider={run.data.provider} model={run.data.model} />}
      actions={run.data && <RunActions run={run.data} refresh={run.refresh} />}
    >
      <Loaded resource={run}>{(data) => <RunBody run={data} />}</Loaded>
    </Page>
  );
}

function RunActions({ run, refresh }: { run: RunDetails; refresh: () => void }) {
  const act = (path: string, body?: unknown) => async () => {
    const { message } = await post<{ message: string }>(path, body);
    refresh();
    return message;
  };
  const { failed, cancelled } = run.counts;
  return (
    <>
      {failed > 0 && (
        <ConfirmButton
          label="Retry failed"
          title={`Retry ${plural(failed, 'failed job')}?`}
          confirm="Retry"
          act={act(pathOf`/batch/runs/${run.run_id}/retry`, { states: ['failed'] })}
        >
          <p>They are queued again with all their attempts, and are paid again where they are answered.</p>
        </ConfirmButton>
      )}
      {cancelled > 0 && (
        <ConfirmButton
          label="Requeue cancelled"
          title={`Queue ${plural(cancelled, 'cancelled job')} again?`}
          confirm="Queue again"
          act={act(pathOf`/batch/runs/${run.run_id}/retry`, { states: ['cancelled'] })}
        >
          <p>They are sent with the next batches of this run.</p>
        </ConfirmButton>
      )}
      {(run.state === 'open' || run.state === 'running') && (
        <ConfirmButton
          label="Cancel run"
          title="Cancel this run?"
          confirm="Cancel run"
          isDangerous
          act={act(pathOf`/batch/runs/${run.run_id}/cancel`)}
        >
          <p>
            {plural(run.counts.queued + run.counts.packed, 'job')} will not be sent, and the providers are asked to stop
            those under way. Answers that were paid for and still come are kept.
          </p>
        </ConfirmButton>
      )}
    </>
  );
}

function RunBody({ run }: { run: RunDetails }) {
  const parts = runParts(run.counts);
  return (
    <>
      {run.is_over_budget && (
        <div class="note note-warning" role="alert">
          <p class="note-title">The budget is used up</p>
          <p>
            The next job does not fit into what is left of {formatMoney(run.budget_usd ?? 0)}; it waits.{' '}
            {formatMoney(run.reserved_usd)} are held for what is under way.
          </p>
        </div>
      )}
      {run.note && <p class="note note-info plain-text">{run.note}</p>}
      <section class="section hero" aria-label="Progress">
        <Bar parts={parts} total={run.counts.total} label="Jobs of this run" />
        <Legend parts={parts} total={run.counts.total} />
      </section>
      <RunStats run={run} />
      <div class="columns">
        <div class="column-wide">
          <RunFailures failures={run.failures} failed={run.counts.failed} runId={run.run_id} />
          <RunResults runId={run.run_id} />
          <RunBatches batches={run.batches} />
          <NewestJobs runId={run.run_id} hides={['run', 'work']} />
        </div>
        <div class="column-narrow">
          <RunFacts run={run} />
        </div>
      </div>
    </>
  );
}

function RunStats({ run }: { run: RunDetails }) {
  const { counts, usage } = run;
  const ended = counts.total - unfinished(counts);
  const judged = counts.succeeded + counts.failed;
  const cached = usage.cached_tokens > 0 ? `, ${formatCompact(usage.cached_tokens)} cached` : '';
  return (
    <dl class="stats">
      <Stat label="Ended" note={`of ${plural(counts.total, 'job')}`}>
        {formatPercent(shareOf(ended, counts.total))}
      </Stat>
      <Stat label="Success rate" note={`${formatCount(counts.failed)} failed`}>
        {judged > 0 ? formatPercent(shareOf(counts.succeeded, judged)) : '–'}
      </Stat>
      <Stat label="Cost" note={run.budget_usd === null ? 'no budget' : `of ${formatMoney(run.budget_usd)}`}>
        <Money usd={run.cost_usd} />
      </Stat>
      <Stat
        label="Saved"
        tone="good"
        note={run.reused > 0 ? `${plural(run.reused, 'answer')} reused` : 'against realtime'}
      >
        <Money usd={run.cost_savings} />
      </Stat>
      <Stat label="Tokens" note={`${formatCompact(usage.output_tokens)} out${cached}`}>
        {formatCompact(usage.input_tokens)} in
      </Stat>
    </dl>
  );
}

function RunFacts({ run }: { run: RunDetails }) {
  return (
    <Section title="About this run">
      <Facts
        facts={[
          [
            'Id',
            <code key="id" class="id">
              {run.run_id}
            </code>,
          ],
          ['Job type', run.job_type === null ? null : jobTypeName(run.job_type)],
          ['Provider', run.provider],
          ['Model', run.model],
          ['Mode', run.mode],
          ['Created', <ExactTime key="made" at={run.created_at} />],
          ['Ended', run.ended_at && <ExactTime key="ended" at={run.ended_at} />],
          ['Deadline', run.deadline_at && <Time key="deadline" at={run.deadline_at} />],
          ['Budget', run.budget_usd === null ? null : formatMoney(run.budget_usd)],
          ['Reserved for what is under way', run.reserved_usd > 0 && formatMoney(run.reserved_usd)],
        ]}
      />
    </Section>
  );
}
