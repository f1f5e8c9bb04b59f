import { useState } from 'preact/hooks';
import type { Providers } from '../../../../src/service/contract/settings.ts';
import { get } from '../../api.ts';
import { useAction } from '../../components/action.tsx';
import { Code, SimulatedTag, Tag } from '../../components/figures.tsx';
import { Empty, Loaded, ProblemNote } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { useResource } from '../../resource.ts';

type Provider = Providers['providers'][number];

const columns: readonly Column<Provider>[] = [
  {
    head: 'Provider',
    kind: 'main',
    cell: (provider) => (
      <span class="feed-head">
        <span class="name">{provider.name}</span>
        {provider.simulated && <SimulatedTag />}
      </span>
    ),
  },
  { head: 'Account', cell: (provider) => <Code text={provider.account} /> },
  { head: 'Address', cell: (provider) => <span class="name">{provider.address ?? 'default'}</span> },
  { head: 'Batches', cell: (provider) => (provider.batch ? 'yes' : <span class="faint">realtime only</span>) },
  {
    head: 'Connection',
    cell: (provider) => (
      <>
        {provider.ok === null ? (
          <Tag>not checked</Tag>
        ) : provider.ok ? (
          <Tag tone="good">works</Tag>
        ) : (
          <Tag tone="bad">fails</Tag>
        )}
        {provider.detail && <span class="cell-note plain-text">{provider.detail}</span>}
      </>
    ),
  },
];

export function ProvidersSection() {
  const providers = useResource<Providers>('/batch/providers', { affects: () => false });
  const [checked, setChecked] = useState<Providers>();
  const check = useAction(async () => {
    const answer = await get<Providers>('/batch/providers', { check: true });
    setChecked(answer);
    const failing = answer.providers.filter((provider) => provider.ok === false).map((provider) => provider.name);
    return failing.length === 0 ? 'Every connection works.' : `Not reachable: ${failing.join(', ')}.`;
  });
  return (
    <Section
      title="Providers"
      note="keys are read from the server’s environment"
      actions={
        <button type="button" class="button button-small" disabled={check.isBusy} onClick={() => void check.run()}>
          {check.isBusy ? 'Checking …' : 'Check connections'}
        </button>
      }
    >
      {check.problem && <ProblemNote problem={check.problem} />}
      <Loaded resource={providers}>
        {(data) => {
          const rows = (checked ?? data).providers;
          return rows.length === 0 ? (
            <Empty title="No provider is set up.">
              <p>
                Start the server with a key in its environment, such as <code>OPENAI_API_KEY</code>.
              </p>
            </Empty>
          ) : (
            <Table caption="Providers" columns={columns} rows={rows} rowKey={(row) => `${row.name} ${row.account}`} />
          );
        }}
      </Loaded>
    </Section>
  );
}
