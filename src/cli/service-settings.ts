import type { Setting } from './setting.ts';

/** Of `offpeak serve` and `offpeak work`. */
export const serviceSettings = [
  {
    key: 'server.host',
    type: 'string',
    env: 'OFFPEAK_HOST',
    fallback: '127.0.0.1',
    about: 'address that `serve` listens on; any other than loopback needs a token',
  },
  { key: 'server.port', type: 'integer', env: 'OFFPEAK_PORT', fallback: 8003, about: 'port that `serve` listens on' },
  { key: 'server.allowed_hosts', type: 'string', about: 'other names of the server, as a proxy calls it, with commas' },
  { key: 'server.allowed_origins', type: 'string', about: 'origins whose pages may call the server, with commas' },
  {
    key: 'server.allow_private_callbacks',
    type: 'boolean',
    fallback: false,
    about: 'webhooks may go to addresses of a private network',
  },
  {
    key: 'server.log_level',
    type: 'string',
    env: 'OFFPEAK_LOG_LEVEL',
    fallback: 'info',
    about: 'debug, info, warn or error',
  },
  { key: 'mail.host', type: 'string', env: 'OFFPEAK_MAIL_HOST', about: 'mail server for alerts and reports' },
  { key: 'mail.port', type: 'integer', fallback: 587, about: 'its port; 465 is TLS from the first byte' },
  { key: 'mail.user', type: 'string', about: 'its user' },
  { key: 'mail.password', type: 'string', env: 'OFFPEAK_MAIL_PASSWORD', secret: true, about: "the user's password" },
  { key: 'mail.from', type: 'string', fallback: 'offpeak@localhost', about: 'sender of the mails' },
] as const satisfies readonly Setting[];
