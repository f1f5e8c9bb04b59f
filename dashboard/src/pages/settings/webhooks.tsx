import type { WebhookEvent } from '../../../../src/service/contract/settings.ts';
import { TextField } from '../../components/field.tsx';
import { Empty } from '../../components/notes.tsx';
import { type SectionProps, SettingsForm } from './settings-form.tsx';

interface Row {
  url: string;
  events: string;
}

export function Webhooks({ settings, saved }: SectionProps) {
  return (
    <SettingsForm
      title="Webhooks"
      note="signed, and retried for three days"
      value={settings.webhooks.map(({ url, events }): Row => ({ url, events: events.join(', ') }))}
      toChange={(rows) => ({
        webhooks: rows.map(({ url, events }) => ({
          url: url.trim(),
          events: events
            .split(',')
            .map((event) => event.trim())
            // Of a name that there is not the server says so.
            .filter((event): event is WebhookEvent => event !== ''),
        })),
      })}
      saved={saved}
    >
      {(rows, change, errorOf) => (
        <>
          {rows.length === 0 && <Empty title="None. Jobs can still have callbacks of their own." />}
          {rows.map((row, index) => {
            const set = (part: Partial<Row>) => change(rows.with(index, { ...row, ...part }));
            return (
              // Nothing in a row stays the same while it is edited.
              <fieldset class="form-row" key={index}>
                <legend class="visually-hidden">Webhook {index + 1}</legend>
                <TextField
                  label="Address"
                  type="url"
                  value={row.url}
                  isRequired
                  error={errorOf(`webhooks.${index}.url`)}
                  onInput={(url) => set({ url })}
                />
                <TextField
                  label="Events"
                  hint="Separated by commas"
                  value={row.events}
                  isRequired
                  placeholder="run.ended, batch.completed"
                  error={
                    errorOf(`webhooks.${index}.events`) ??
                    row.events
                      .split(',')
                      .map((_, at) => errorOf(`webhooks.${index}.events.${at}`))
                      .find(Boolean)
                  }
                  onInput={(events) => set({ events })}
                />
                <button type="button" class="button button-small" onClick={() => change(rows.toSpliced(index, 1))}>
                  Remove<span class="visually-hidden"> webhook {index + 1}</span>
                </button>
              </fieldset>
            );
          })}
          <button type="button" class="button button-small" onClick={() => change([...rows, { url: '', events: '' }])}>
            Add a webhook
          </button>
        </>
      )}
    </SettingsForm>
  );
}
