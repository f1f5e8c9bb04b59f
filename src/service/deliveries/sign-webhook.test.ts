import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { signWebhook } from './sign-webhook.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const body = '{"type":"job.ended","data":{"output":"ü \\u2028 😀"}}';

describe('the signature of Standard Webhooks', () => {
  test("is what the specification's own library, which brings its own SHA-256, signs", () => {
    const now = Date.UTC(2026, 10, 20, 12, 0, 0, 999);
    const headers = signWebhook({ id: 'msg_1', now, body, secrets: [secret] });
    expect(headers).toEqual({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Date.UTC(2026, 10, 20, 12) / 1000),
      'webhook-signature': new Webhook(secret).sign('msg_1', new Date(now), body),
    });
  });

  test("is what the specification's own library takes", () => {
    const headers = { ...signWebhook({ id: 'msg_1', now: Date.now(), body, secrets: [secret] }) };
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(other).verify(body, headers)).toThrow();
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
    expect(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'msg_2' })).toThrow();
  });

  test('while a secret gives way to another, both are good', () => {
    const headers = { ...signWebhook({ id: 'msg_1', now: Date.now(), body, secrets: [other, secret] }) };
    for (const known of [secret, other]) expect(new Webhook(known).verify(body, headers)).toBeDefined();
  });
});
