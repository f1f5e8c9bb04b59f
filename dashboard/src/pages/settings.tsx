import type { Settings } from '../../../src/service/contract/settings.ts';
import { Loaded } from '../components/notes.tsx';
import { Page } from '../components/page.tsx';
import { useResource } from '../resource.ts';
import { AlertLimits } from './settings/alert-limits.tsx';
import { Channels } from './settings/channels.tsx';
import { DefaultModels } from './settings/default-models.tsx';
import { ProvidersSection } from './settings/providers.tsx';
import { QueueTriggers } from './settings/queue-triggers.tsx';
import { Schedule } from './settings/schedule.tsx';
import { Webhooks } from './settings/webhooks.tsx';

/** Every section is saved by itself. */
export function SettingsPage() {
  const settings = useResource<Settings>('/batch/settings', { affects: ({ type }) => type.startsWith('settings') });
  return (
    <Page title="Settings" lead="Changes apply at once, to every server and worker on this store.">
      <div class="settings">
        <ProvidersSection />
        <Loaded resource={settings}>
          {(data) => (
            <>
              <Schedule settings={data} saved={settings.refresh} />
              <QueueTriggers settings={data} saved={settings.refresh} />
              <DefaultModels settings={data} saved={settings.refresh} />
              <AlertLimits settings={data} saved={settings.refresh} />
              <Channels settings={data} saved={settings.refresh} />
              <Webhooks settings={data} saved={settings.refresh} />
            </>
          )}
        </Loaded>
      </div>
    </Page>
  );
}
