import { useState } from 'preact/hooks';
import type { QueueStatus } from '../../../../src/service/contract/queue.ts';
import { post } from '../../api.ts';
import { ConfirmButton } from '../../components/action.tsx';
import { Bar } from '../../components/bar.tsx';
import { RunLink } from '../../components/batch-parts.tsx';
import { NumberField } from '../../components/field.tsx';
import { Count } from '../../components/figures.tsx';
import { Empty } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { Time } from '../../components/time.tsx';
import { formatBytes, formatCompact, plural } from '../../format.ts';
import { jobTypeName } from '../../words.ts';

type Queue = QueueStatus['queues'][number];

export function WaitingQueues({ queues, refresh }: { queues: readonly Queue[]; refresh: () => void }) {
  const columns: readonly Column<Queue>[] = [
    {
      head: 'Queue',
      kind: 'main',
      cell: (queue) => (
        <span class="work">
          <RunLink id={queue.run_id} name={jobTypeName(queue.job_type)} />
          <span class="faint name">{queue.provider}</span>
        </span>
      ),
    },
    { head: 'Jobs', kind: 'number', cell: (queue) => <Count value={queue.count} /> },
    { head: 'By priority', cell: (queue) => <Priorities queue={queue} /> },
    { head: 'Oldest', kind: 'number', room: 'wide', cell: (queue) => <Time at={queue.oldest_at} /> },
    { head: 'Size', kind: 'number', room: 'wide', cell: (queue) => formatBytes(queue.bytes) },
    { head: 'Next sending', kind: 'number', cell: (queue) => <Time at={queue.next_send_at} none="by its triggers" /> },
    { head: 'Actions', kind: 'action', cell: (queue) => <SendButton queue={queue} refresh={refresh} /> },
  ];
  return (
    <Section
      title="Waiting"
      actions={
        <a href="/queue" class="more">
          Queue jobs
        </a>
      }
    >
      {queues.length === 0 ? (
        <Empty title="No job waits." />
      ) : (
        <Table
          caption="Queues with waiting jobs, by type, provider and priority"
          columns={columns}
          rows={queues}
          rowKey={(queue) => queue.run_id}
        />
      )}
    </Section>
  );
}

function Priorities({ queue }: { queue: Queue }) {
  const parts = queue.priorities.map(({ priority, count }) => ({
    name: `of priority ${priority}`,
    count,
    kind: `priority-${priority}`,
  }));
  return (
    <div class="progress">
      <Bar parts={parts} total={queue.count} label="Jobs by priority" />
      <span class="progress-words faint">
        {queue.priorities.map(({ priority, count }) => (
          <span key={priority} class="priority">
            <b>{priority}</b> {formatCompact(count)}
          </span>
        ))}
      </span>
    </div>
  );
}

function SendButton({ queue, refresh }: { queue: Queue; refresh: () => void }) {
  const [most, setMost] = useState<number | undefined>(queue.count);
  const name = `${jobTypeName(queue.job_type)} at ${queue.provider}`;
  return (
    <ConfirmButton
      label="Send …"
      labelInFull={`Send ${name}`}
      isSmall
      title={`Send ${name} now?`}
      confirm="Send now"
      act={async () => {
        const { message } = await post<{ message: string }>('/batch/process', {
          job_type: queue.job_type,
          provider: queue.provider,
          max_jobs: most ?? queue.count,
        });
        refresh();
        return message;
      }}
    >
      <p>
        Of {plural(queue.count, 'waiting job')}, those of the highest priority go first; within a priority, the oldest.
      </p>
      <NumberField label="At most so many jobs" value={most} min={1} max={1_000_000} isRequired onInput={setMost} />
    </ConfirmButton>
  );
}
