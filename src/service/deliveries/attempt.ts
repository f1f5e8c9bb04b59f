import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Delivery } from '../../service-store.ts';
import type { Views } from '../../views.ts';
import { jobEndedBody } from './job-ended.ts';
import { isMail, type Mailer, sendMail } from './mailer.ts';
import { type PostOptions, postWebhook } from './post-webhook.ts';
import { signWebhook } from './sign-webhook.ts';
import type { SigningSecrets } from './signing-secrets.ts';

export interface AttemptOptions {
  views: Pick<Views, 'getResult' | 'getJob'>;
  secrets: SigningSecrets;
  post: PostOptions;
  mailer: Mailer | undefined;
  clock: Clock;
  /** `offpeak/1.2.0` */
  userAgent: string;
}

/** What came of one try. `failed`: there may be another; `given_up`: there is no use in one. */
export interface Tried {
  outcome: 'delivered' | 'failed' | 'given_up';
  status?: number;
  error?: string;
  retryAfterMs?: number;
}

/** Sends a delivery once, whatever its kind; never throws. */
export async function attemptDelivery(
  options: AttemptOptions,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<Tried> {
  try {
    const body = await bodyOf(options, delivery);
    if (body === undefined) return { outcome: 'given_up', error: 'the job has no result any more' };
    return isMail(delivery.url)
      ? await mail(options, delivery, body, signal)
      : await post(options, delivery, body, signal);
  } catch (error) {
    // Ours: a store that is locked, a setting that cannot be read.
    return { outcome: 'failed', error: messageOf(error) };
  }
}

async function bodyOf({ views }: AttemptOptions, { body, job, createdAt }: Delivery): Promise<string | undefined> {
  if (body !== undefined) return body;
  return job === undefined ? undefined : jobEndedBody(views, job, createdAt);
}

async function post(options: AttemptOptions, delivery: Delivery, body: string, signal: AbortSignal): Promise<Tried> {
  const { installation, secrets } = await options.secrets.get();
  const id = `msg_${installation}_${delivery.id}`;
  const headers = {
    'content-type': 'application/json',
    'user-agent': options.userAgent,
    ...signWebhook({ id, now: options.clock.now(), body, secrets }),
  };
  const posted = await postWebhook({ url: delivery.url, headers, body }, options.post, signal);
  if ('error' in posted) return { outcome: posted.refused ? 'given_up' : 'failed', error: posted.error };
  return { ...judge(posted.status), ...posted };
}

function judge(status: number): Tried {
  if (status >= 200 && status < 300) return { outcome: 'delivered' };
  // Standard Webhooks: the receiver is gone, and asks for no more.
  if (status === 410) return { outcome: 'given_up', error: 'the receiver is gone (410)' };
  if (status >= 300 && status < 400)
    return { outcome: 'failed', error: `a redirect (${status}), which is not followed` };
  return { outcome: 'failed', error: `the receiver answered ${status}` };
}

async function mail(options: AttemptOptions, { url }: Delivery, body: string, signal: AbortSignal): Promise<Tried> {
  const { mailer, clock } = options;
  const error = await sendMail(mailer, { url, body, clock, signal });
  if (error === undefined) return { outcome: 'delivered' };
  return { outcome: mailer ? 'failed' : 'given_up', error };
}
