import type { Settings } from '../../../../src/service/contract/settings.ts';
import { NumberField } from '../../components/field.tsx';
import { type SectionProps, SettingsForm, shown, typed } from './settings-form.tsx';

type Limits = Settings['alerts'];
type Required = Exclude<keyof Limits, 'monthly_budget_usd'>;

const fields: readonly { name: Required; label: string; hint?: string; min: number; max?: number; step?: 'any' }[] = [
  {
    name: 'high_failure_rate_percent',
    label: 'Failure rate (%)',
    hint: 'In the last 24 hours',
    min: 0,
    max: 100,
    step: 'any',
  },
  { name: 'stale_batch_hours', label: 'Batch is stale after (hours)', min: 0, step: 'any' },
  { name: 'large_queue_jobs', label: 'Queue is large from (jobs)', min: 1 },
  {
    name: 'savings_milestone_usd',
    label: 'Savings milestone (USD)',
    hint: 'Told each time this much more is saved',
    min: 0,
    step: 'any',
  },
  { name: 'disk_free_percent', label: 'Free disk below (%)', min: 0, max: 100, step: 'any' },
];

export function AlertLimits({ settings, saved }: SectionProps) {
  return (
    <SettingsForm
      title="Budget and alert limits"
      note="an alert is raised once, and resolved once"
      value={settings.alerts}
      toChange={(alerts) => ({ alerts })}
      saved={saved}
    >
      {(draft, change, errorOf) => (
        <div class="form-grid">
          <NumberField
            label="Monthly budget (USD)"
            hint="Alerts at 80 % and 100 %. Empty: no budget"
            value={draft.monthly_budget_usd ?? undefined}
            min={0}
            step="any"
            error={errorOf('alerts.monthly_budget_usd')}
            onInput={(budget) => change({ ...draft, monthly_budget_usd: budget ?? null })}
          />
          {fields.map(({ name, label, hint, min, max, step }) => (
            <NumberField
              key={name}
              label={label}
              value={shown(draft[name])}
              min={min}
              isRequired
              error={errorOf(`alerts.${name}`)}
              onInput={(value) => change({ ...draft, [name]: typed(value) })}
              {...(hint !== undefined && { hint })}
              {...(max !== undefined && { max })}
              {...(step !== undefined && { step })}
            />
          ))}
        </div>
      )}
    </SettingsForm>
  );
}
