import type { DeliveryDetails } from '../../../src/service/contract/deliveries.ts';
import { pathOf } from '../api.ts';
import { JobLink, RunLink } from '../components/batch-parts.tsx';
import { Facts, StateTag } from '../components/figures.tsx';
import { Empty, Loaded } from '../components/notes.tsx';
import { Page, Section } from '../components/page.tsx';
import { type Column, Table } from '../components/table.tsx';
import { ExactTime, Time } from '../components/time.tsx';
import { formatDuration } from '../format.ts';
import { useResource } from '../resource.ts';
import { RedeliverButton } from './deliveries/redeliver-button.tsx';

type Attempt = DeliveryDetails['log'][number];

const columns: readonly Column<Attempt>[] = [
  { head: 'At', kind: 'main', cell: (attempt) => <ExactTime at={attempt.at} /> },
  {
    head: 'Answer',
    cell: (attempt) =>
      attempt.status === null ? <span class="faint">none</span> : <span class="number">HTTP {attempt.status}</span>,
  },
  { head: 'Error', kind: 'text', cell: (attempt) => <span class="plain-text">{attempt.error ?? '–'}</span> },
  { head: 'Took', kind: 'number', cell: (attempt) => formatDuration(attempt.duration_ms) },
];

export function DeliveryPage({ parameters: { id = '' } }: { parameters: Record<string, string> }) {
  const delivery = useResource<DeliveryDetails>(pathOf`/batch/deliveries/${id}`);
  const { data } = delivery;
  return (
    <Page
      title={`Delivery ${id}`}
      parents={[['Deliveries', '/deliveries']]}
      tags={data && <StateTag state={data.state} />}
      actions={data && <RedeliverButton id={data.delivery_id} refresh={delivery.refresh} />}
    >
      <Loaded resource={delivery}>
        {(details) => (
          <div class="columns">
            <div class="column-wide">
              <Section title="Attempts">
                {details.log.length === 0 ? (
                  <Empty title="It has not been tried yet." />
                ) : (
                  <Table caption="Attempts" columns={columns} rows={details.log} rowKey={(attempt) => attempt.at} />
                )}
              </Section>
            </div>
            <div class="column-narrow">
              <Section title="About this delivery">
                <Facts
                  facts={[
                    ['Event', details.event],
                    [
                      'Sent to',
                      <span key="url" class="name">
                        {details.url}
                      </span>,
                    ],
                    ['Job', details.job_id && <JobLink key="job" id={details.job_id} />],
                    ['Run', details.run_id && <RunLink key="run" id={details.run_id} />],
                    ['Created', <ExactTime key="made" at={details.created_at} />],
                    ['Next try', details.next_at && <Time key="next" at={details.next_at} />],
                  ]}
                />
              </Section>
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  );
}
