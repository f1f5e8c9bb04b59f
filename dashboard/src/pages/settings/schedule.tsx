import { useId } from 'preact/hooks';
import { CheckField, TextField } from '../../components/field.tsx';
import { type SectionProps, SettingsForm } from './settings-form.tsx';

const timeZones: readonly string[] = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

export function Schedule({ settings, saved }: SectionProps) {
  const list = useId();
  return (
    <SettingsForm
      title="Schedule"
      note="sends every queue once a day; a missed day is caught up"
      value={{ schedule: settings.schedule, daily_report: settings.daily_report }}
      toChange={(draft) => draft}
      saved={saved}
    >
      {(draft, change, errorOf) => {
        const set = (part: Partial<typeof draft.schedule>) =>
          change({ ...draft, schedule: { ...draft.schedule, ...part } });
        return (
          <div class="form-grid">
            <CheckField label="Send every day" isOn={draft.schedule.enabled} onChange={(enabled) => set({ enabled })} />
            <CheckField
              label="Daily report"
              hint="To the alert channels, at the same time"
              isOn={draft.daily_report}
              onChange={(daily_report) => change({ ...draft, daily_report })}
            />
            <TextField
              label="Time of day"
              type="time"
              value={draft.schedule.time}
              isRequired
              error={errorOf('schedule.time')}
              onInput={(time) => set({ time })}
            />
            <TextField
              label="Time zone"
              list={list}
              value={draft.schedule.time_zone}
              isRequired
              error={errorOf('schedule.time_zone')}
              onInput={(time_zone) => set({ time_zone })}
            />
            <datalist id={list}>
              {timeZones.map((zone) => (
                <option key={zone} value={zone} />
              ))}
            </datalist>
          </div>
        );
      }}
    </SettingsForm>
  );
}
