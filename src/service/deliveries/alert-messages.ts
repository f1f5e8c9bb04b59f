import type { Alert, NewDelivery } from '../../service-store.ts';
import type { Settings } from '../contract/settings.ts';
import { mailDelivery } from './mailer.ts';

type Channel = Settings['alert_channels'][number];

/** An alert as each kind of channel takes it. `body`: as a signed webhook. */
export function alertMessages(
  channel: Channel,
  alert: Alert,
  { type, body }: { type: string; body: string },
): NewDelivery[] {
  const isOver = alert.resolvedAt !== undefined && type === 'alert.resolved';
  const title = `${isOver ? 'Resolved' : words[alert.severity]}: ${alert.title}`;
  return messages(channel, { event: type, title, text: alert.message, body });
}

const words = { info: 'Note', warning: 'Warning', critical: 'Critical' } as const;

export interface Message {
  event: string;
  /** One line. */
  title: string;
  text: string;
  /** For a signed webhook: JSON text. */
  body: string;
}

/** The same message for a chat (`{text}`, as Slack's incoming webhooks and those that copy them take it), mail or webhook. */
export function messages(channel: Channel, { event, title, text, body }: Message): NewDelivery[] {
  switch (channel.type) {
    case 'slack':
      return [{ event, url: channel.url, body: JSON.stringify({ text: `*${escaped(title)}*\n${escaped(text)}` }) }];
    case 'webhook':
      return [{ event, url: channel.url, body }];
    case 'email':
      // One for each: what one mailbox refuses is not sent to the others again.
      return channel.to.map((to) => ({ event, ...mailDelivery({ to, subject: `[Offpeak] ${oneLine(title)}`, text }) }));
  }
}

/** The three characters that Slack wants escaped (docs.slack.dev, "Formatting message text"): no mention of everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
