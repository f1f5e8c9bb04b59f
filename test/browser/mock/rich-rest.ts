import type { DeliveryDetails } from '../../../src/service/contract/deliveries.ts';
import type { Alert } from '../../../src/service/contract/overview.ts';
import type { Providers, Settings } from '../../../src/service/contract/settings.ts';
import { dayMs, defaultSettings, hourMs, isoAt, minuteMs, type World } from './world.ts';

export function alertsOf(now: number, world: World): Alert[] {
  const alert = (
    id: number,
    type: string,
    severity: Alert['severity'],
    texts: readonly [title: string, message: string],
    raised: number,
    resolved: number | null = null,
  ): Alert => ({
    id,
    type,
    severity,
    title: texts[0],
    message: texts[1],
    subject: '',
    raised_at: isoAt(now - raised),
    resolved_at: resolved === null ? null : isoAt(now - resolved),
  });
  return [
    alert(
      9,
      'delivery_failing',
      'warning',
      ['Deliveries fail', 'hooks.example.com has answered 503 for 2 hours; 14 deliveries wait.'],
      2 * hourMs,
    ),
    alert(
      8,
      'large_queue',
      'info',
      ['A queue is large', `creative_scoring at openai holds ${world.runs[4]?.counts.total ?? 0} jobs.`],
      40 * minuteMs,
    ),
    alert(
      7,
      'budget',
      'warning',
      ['80 % of the budget is spent', '$240.12 of $300.00 this month.'],
      2 * dayMs,
      1.9 * dayMs,
    ),
    alert(
      6,
      'stale_batch',
      'warning',
      ['A batch is stale', 'gemini_211 has been active for 49 hours.'],
      6 * dayMs,
      5 * dayMs,
    ),
    alert(
      5,
      'account_paused',
      'critical',
      ['anthropic is paused', 'The key was refused (401). Nothing is sent there until it works again.'],
      9 * dayMs,
      8.8 * dayMs,
    ),
  ];
}

export function deliveriesOf(now: number, world: World): DeliveryDetails[] {
  const runs = world.runs.filter((run) => run.state === 'ended');
  return Array.from({ length: 24 }, (_, index): DeliveryDetails => {
    const id = 24 - index;
    const run = runs[index % Math.max(1, runs.length)];
    const isFailing = index % 7 === 1;
    const at = now - (index + 1) * 47 * minuteMs;
    const log = Array.from({ length: isFailing ? 4 : 1 }, (_each, attempt) => ({
      at: isoAt(at + attempt * 5 * minuteMs),
      duration_ms: isFailing ? 10_000 : 84 + index * 3,
      status: isFailing ? 503 : 204,
      error: isFailing ? 'the receiver answered 503 Service Unavailable' : null,
    }));
    return {
      delivery_id: id,
      event: index % 3 === 0 ? 'run.ended' : 'job.ended',
      url: 'https://hooks.example.com/scoring?...',
      job_id: index % 3 === 0 ? null : (world.jobs.get(id)?.job_id ?? null),
      run_id: run?.run_id ?? null,
      state: isFailing ? (index > 10 ? 'failed' : 'pending') : 'delivered',
      attempts: log.length,
      created_at: isoAt(at),
      next_at: isFailing && index <= 10 ? isoAt(now + 22 * minuteMs) : null,
      last_status: isFailing ? 503 : 204,
      last_error: isFailing ? 'the receiver answered 503 Service Unavailable' : null,
      log: log.toReversed(),
    };
  });
}

export function settingsOf(): Settings {
  return {
    ...structuredClone(defaultSettings),
    queue_triggers: { 'creative_scoring:openai': { count: 20_000 }, '*:gemini': { age_minutes: 720, full: false } },
    default_models: { 'creative_scoring:openai': 'gpt-5-mini', 'hook_generation:anthropic': 'claude-haiku-4-5' },
    alerts: { ...defaultSettings.alerts, monthly_budget_usd: 300 },
    alert_channels: [
      { type: 'slack', url: 'https://hooks.slack.com/****h7Qz' },
      { type: 'email', to: ['ops@example.com', 'night@example.com'] },
    ],
    webhooks: [{ url: 'https://hooks.example.com/scoring', events: ['run.ended', 'batch.completed'] }],
    daily_report: true,
  };
}

export function providersOf(simulated: boolean): Providers['providers'] {
  const row = (name: string, account: string) => ({
    name,
    account,
    simulated,
    batch: true,
    address: simulated ? 'http://127.0.0.1:4010' : null,
    ok: null,
    detail: null,
  });
  return [row('openai', '…4f2a'), row('anthropic', '…9QAA'), row('gemini', '…x1Zk')];
}
