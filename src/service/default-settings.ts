import type { Settings } from './contract/settings.ts';
import { builtInModels } from './default-models.ts';

/** What holds until somebody sets it. The zone is UTC: the machine's own is an accident. */
export const defaultSettings: Settings = {
  schedule: { enabled: true, time: '02:00', time_zone: 'UTC' },
  triggers: { schedule: true, count: null, age_minutes: null, full: true },
  queue_triggers: {},
  default_models: { ...builtInModels },
  // Thresholds of the system that is replaced; a disk below 5 % and a budget are new.
  alerts: {
    high_failure_rate_percent: 10,
    stale_batch_hours: 48,
    large_queue_jobs: 10_000,
    savings_milestone_usd: 1_000,
    disk_free_percent: 5,
    monthly_budget_usd: null,
  },
  alert_channels: [],
  webhooks: [],
  daily_report: true,
};
