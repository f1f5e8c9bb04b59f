import { createHmac } from 'node:crypto';

/** The headers of Standard Webhooks (standardwebhooks.com, version 1.0.0): what the receiver proves the sender by. */
export interface SignatureHeaders {
  /** The same on each attempt: receivers know by it what they have already. */
  'webhook-id': string;
  /** Of the attempt, in seconds: receivers refuse what is old. */
  'webhook-timestamp': string;
  'webhook-signature': string;
}

export const secretPrefix = 'whsec_';

/** Signed with each of the secrets: while one gives way to another, receivers may know either. */
export function signWebhook(input: {
  id: string;
  /** Milliseconds since 1970. */
  now: number;
  body: string;
  secrets: readonly string[];
}): SignatureHeaders {
  const timestamp = String(Math.floor(input.now / 1000));
  const signatures = input.secrets.map((secret) => {
    const key = Buffer.from(secret.slice(secretPrefix.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${input.id}.${timestamp}.${input.body}`).digest('base64')}`;
  });
  return {
    'webhook-id': input.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
