import type { Settings } from '../../../../src/service/contract/settings.ts';
import { SelectField, TextField } from '../../components/field.tsx';
import { Empty } from '../../components/notes.tsx';
import { type SectionProps, SettingsForm } from './settings-form.tsx';

type Channel = Settings['alert_channels'][number];

const kinds = [
  ['slack', 'Slack, or compatible'],
  ['webhook', 'Signed webhook'],
  ['email', 'E-mail'],
] as const;

interface Row {
  type: Channel['type'];
  /** An address, or several of e-mail with commas. */
  to: string;
}

const toRow = (channel: Channel): Row =>
  channel.type === 'email' ? { type: 'email', to: channel.to.join(', ') } : { type: channel.type, to: channel.url };

const toChannel = ({ type, to }: Row): Channel =>
  type === 'email'
    ? {
        type,
        to: to
          .split(',')
          .map((address) => address.trim())
          .filter((address) => address !== ''),
      }
    : { type, url: to.trim() };

export function Channels({ settings, saved }: SectionProps) {
  return (
    <SettingsForm
      title="Alert channels"
      note="where alerts and reports are sent"
      value={settings.alert_channels.map(toRow)}
      toChange={(rows) => ({ alert_channels: rows.map(toChannel) })}
      saved={saved}
    >
      {(rows, change, errorOf) => (
        <>
          {rows.length === 0 && <Empty title="None. Alerts are only shown here." />}
          {rows.map((row, index) => (
            // Nothing in a row stays the same while it is edited.
            <fieldset class="form-row" key={index}>
              <legend class="visually-hidden">Channel {index + 1}</legend>
              <SelectField
                label="Channel"
                value={row.type}
                options={kinds}
                onChange={(value) => {
                  const type = kinds.find(([kind]) => kind === value)?.[0] ?? 'webhook';
                  change(rows.with(index, { ...row, type }));
                }}
              />
              <TextField
                label={row.type === 'email' ? 'To (separated by commas)' : 'Address'}
                value={row.to}
                isRequired
                error={errorOf(`alert_channels.${index}.${row.type === 'email' ? 'to' : 'url'}`)}
                onInput={(to) => change(rows.with(index, { ...row, to }))}
              />
              <button type="button" class="button button-small" onClick={() => change(rows.toSpliced(index, 1))}>
                Remove<span class="visually-hidden"> channel {index + 1}</span>
              </button>
            </fieldset>
          ))}
          <button
            type="button"
            class="button button-small"
            onClick={() => change([...rows, { type: 'slack', to: '' }])}
          >
            Add a channel
          </button>
        </>
      )}
    </SettingsForm>
  );
}
