import { useEffect, useErrorBoundary } from 'preact/hooks';
import type { Health } from '../../src/service/contract/operations.ts';
import type { Alert } from '../../src/service/contract/overview.ts';
import type { Providers } from '../../src/service/contract/settings.ts';
import { problemOf } from './api.ts';
import { Navigation } from './components/navigation.tsx';
import { Empty, ProblemNote } from './components/notes.tsx';
import { Page } from './components/page.tsx';
import { SignIn } from './components/sign-in.tsx';
import { Toasts } from './components/toasts.tsx';
import { followEvents } from './events.ts';
import { lazy, type PageComponent } from './lazy.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { useResource } from './resource.ts';
import { matchPath, usePlace } from './router.ts';
import { session } from './session.ts';
import { useStore } from './store.ts';

const pages: readonly (readonly [pattern: string, page: PageComponent])[] = [
  ['/', OverviewPage],
  ['/runs', lazy(async () => (await import('./pages/runs.tsx')).RunsPage)],
  ['/runs/:id', lazy(async () => (await import('./pages/run.tsx')).RunPage)],
  ['/batches', lazy(async () => (await import('./pages/batches.tsx')).BatchesPage)],
  ['/batches/:id', lazy(async () => (await import('./pages/batch.tsx')).BatchPage)],
  ['/jobs', lazy(async () => (await import('./pages/jobs.tsx')).JobsPage)],
  ['/jobs/:id', lazy(async () => (await import('./pages/job.tsx')).JobPage)],
  ['/queue', lazy(async () => (await import('./pages/queue.tsx')).QueuePage)],
  ['/upload', lazy(async () => (await import('./pages/upload.tsx')).UploadPage)],
  ['/costs', lazy(async () => (await import('./pages/costs.tsx')).CostsPage)],
  ['/deliveries', lazy(async () => (await import('./pages/deliveries.tsx')).DeliveriesPage)],
  ['/deliveries/:id', lazy(async () => (await import('./pages/delivery.tsx')).DeliveryPage)],
  ['/alerts', lazy(async () => (await import('./pages/alerts.tsx')).AlertsPage)],
  ['/settings', lazy(async () => (await import('./pages/settings.tsx')).SettingsPage)],
];

export const isPage = (path: string): boolean => pages.some(([pattern]) => matchPath(pattern, path) !== undefined);

export function App() {
  const { token, isSignedOut } = useStore(session);
  if (isSignedOut) return <SignIn />;
  // Another token sees the page from the start.
  return <SignedIn key={token ?? ''} />;
}

function SignedIn() {
  useEffect(() => {
    const abort = new AbortController();
    void followEvents(abort.signal);
    return () => abort.abort();
  }, []);
  const health = useResource<Health>('/batch/health', { affects: () => false });
  const alerts = useResource<{ alerts: Alert[] }>('/batch/alerts', { affects: ({ type }) => type.startsWith('alert') });
  return (
    <div class="frame">
      <a class="skip-link" href="#main">
        To the content
      </a>
      <Navigation openAlerts={alerts.data?.alerts.length ?? 0} version={health.data?.version} />
      <main class="main" id="main" tabIndex={-1}>
        <SimulatedBanner />
        {health.data && health.data.status !== 'healthy' && <HealthNote health={health.data} />}
        <CurrentPage />
      </main>
      <Toasts />
    </div>
  );
}

function CurrentPage() {
  const { path } = usePlace();
  for (const [pattern, Component] of pages) {
    const parameters = matchPath(pattern, path);
    if (parameters) return <Guarded key={path} page={Component} parameters={parameters} />;
  }
  return (
    <Page title="There is no such page">
      <Empty title="Nothing is at this address.">
        <p>
          <a href="/">To the overview</a>
        </p>
      </Empty>
    </Page>
  );
}

/** A fault in one page leaves the rest usable. */
function Guarded(props: { page: PageComponent; parameters: Record<string, string> }) {
  const [error, reset] = useErrorBoundary((fault) => console.error(fault));
  if (error !== undefined) return <ProblemNote problem={problemOf(error)} onRetry={reset} />;
  const { page: Component, parameters } = props;
  return <Component parameters={parameters} />;
}

/** Nobody may take made-up answers for real ones. */
function SimulatedBanner() {
  const { data } = useResource<Providers>('/batch/providers', { affects: () => false });
  const simulated = data?.providers.filter((provider) => provider.simulated).map((provider) => provider.name) ?? [];
  if (simulated.length === 0) return null;
  const isAll = simulated.length > 1 && simulated.length === data?.providers.length;
  return (
    <p class="banner" role="note">
      <strong>Simulated.</strong>{' '}
      <span class="plain-text">
        {isAll ? 'Every provider' : simulated.join(', ')} {isAll || simulated.length === 1 ? 'is' : 'are'} answered by
        the sandbox: answers, costs and savings are made up.
      </span>
    </p>
  );
}

function HealthNote({ health }: { health: Health }) {
  return (
    <div class={health.status === 'unhealthy' ? 'note note-bad' : 'note note-warning'} role="alert">
      <p class="note-title">The service is {health.status}</p>
      <ul class="plain-text">
        {health.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}
