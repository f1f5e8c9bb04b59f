import { expect, test } from 'vitest';
import { maskSettings, unmaskChange } from './masking.ts';
import { settings } from './service-fixtures.ts';

const slack = 'https://hooks.slack.com/services/T000/B000/canaryOne1111';
const otherSlack = 'https://hooks.slack.com/services/T000/B000/canaryTwo1111';
const signed = 'https://example.com/hook?key=canary1234';
const plain = 'https://example.com/hook';

function stored() {
  return {
    ...settings(),
    alert_channels: [
      { type: 'slack' as const, url: slack },
      { type: 'email' as const, to: ['ops@example.com'] },
      { type: 'webhook' as const, url: plain },
      { type: 'slack' as const, url: otherSlack },
    ],
    webhooks: [{ url: signed, events: ['run.ended' as const] }],
  };
}

test('of an address only the host and its last characters are shown', () => {
  const shown = maskSettings(stored());
  expect(JSON.stringify(shown)).not.toContain('canary');
  expect(JSON.stringify(shown)).not.toContain('T000');
  expect(shown.alert_channels[0]).toEqual({ type: 'slack', url: 'https://hooks.slack.com/****1111' });
  expect(shown.alert_channels[2]).toEqual({ type: 'webhook', url: 'https://example.com/****hook' });
  expect(shown.webhooks).toEqual([{ url: 'https://example.com/****1234', events: ['run.ended'] }]);
});

test('what is sent back as it was shown stays what it was, also two that look the same', () => {
  const shown = maskSettings(stored());
  const change = unmaskChange({ alert_channels: shown.alert_channels, webhooks: shown.webhooks }, stored());
  expect(change).toEqual({ alert_channels: stored().alert_channels, webhooks: stored().webhooks });
  // Also when one before it was taken out.
  const fewer = unmaskChange({ alert_channels: shown.alert_channels.slice(1, 3), webhooks: [] }, stored());
  expect(fewer).toEqual({ alert_channels: stored().alert_channels.slice(1, 3), webhooks: [] });
  const changedEvents = unmaskChange({ webhooks: [{ url: shown.webhooks[0]?.url ?? '', events: ['*'] }] }, stored());
  expect(changedEvents.webhooks).toEqual([{ url: signed, events: ['*'] }]);
});

test('a new address is taken as it is, a mask that fits nothing is refused', () => {
  const fresh = { type: 'slack' as const, url: 'https://hooks.slack.com/services/T1/B1/new' };
  expect(unmaskChange({ alert_channels: [fresh] }, stored()).alert_channels).toEqual([fresh]);
  const unknown = { type: 'slack' as const, url: 'https://hooks.slack.com/****9999' };
  expect(() => unmaskChange({ alert_channels: [unknown] }, stored())).toThrow(/alert_channels.0.url: is masked/);
  expect(() => unmaskChange({ webhooks: [{ url: unknown.url, events: ['*'] }] }, stored())).toThrow(/webhooks.0.url/);
  expect(unmaskChange({ daily_report: true }, stored())).toEqual({ daily_report: true });
});
