import type { Settings, SettingsChange } from '../service/contract/settings.ts';
import { shownUrl } from '../service/deliveries/shown-url.ts';
import { invalid } from './problem.ts';

/**
 * Addresses in settings may be secrets: whoever knows the incoming webhook of a chat may post there, and its path is what is secret. They are shown
 * without what is secret, and with a few last characters, so that a person tells two of them apart.
 */

const mask = '****';

function masked(address: string): string {
  const shown = shownUrl(address, 'secret');
  const isWhole = shown === address || `${shown}/` === address;
  return isWhole ? address : `${shown.replace(/\?\.\.\.$|\/\.\.\.$/, '')}/${mask}${address.slice(-4)}`;
}

type Channel = Settings['alert_channels'][number];

function maskChannel(channel: Channel): Channel {
  if (channel.type === 'email') return channel;
  return { ...channel, url: masked(channel.url) };
}

export function maskSettings(settings: Settings): Settings {
  return {
    ...settings,
    alert_channels: settings.alert_channels.map(maskChannel),
    webhooks: settings.webhooks.map((webhook) => ({ ...webhook, url: masked(webhook.url) })),
  };
}

/**
 * A page that shows masked settings sends them back as they were shown: what is still masked becomes what it was. A mask
 * that fits nothing would be stored as an address, so it is refused.
 */
export function unmaskChange(change: SettingsChange, current: Settings): SettingsChange {
  const channels = current.alert_channels.map((real) => ({ real, shown: maskChannel(real) }));
  const hooks = current.webhooks.map(({ url }) => ({ real: url, shown: masked(url) }));
  return {
    ...change,
    ...(change.alert_channels && {
      alert_channels: change.alert_channels.map((given, index): Channel => {
        if (given.type === 'email') return given;
        // Two that look the same are told apart by their place.
        const known = [channels[index], ...channels].find(
          (each) => each?.shown.type === given.type && 'url' in each.shown && each.shown.url === given.url,
        );
        if (known && known.real.type !== 'email') return { ...given, url: known.real.url };
        return { ...given, url: wholeAddress(given.url, `alert_channels.${index}.url`) };
      }),
    }),
    ...(change.webhooks && {
      webhooks: change.webhooks.map((given, index) => {
        const known = [hooks[index], ...hooks].find((each) => each?.shown === given.url);
        return { ...given, url: known?.real ?? wholeAddress(given.url, `webhooks.${index}.url`) };
      }),
    }),
  };
}

function wholeAddress(url: string, field: string): string {
  if (url.includes(`/${mask}`)) throw invalid([{ field, message: 'is masked; give the whole address' }]);
  return url;
}
