import type { Clock } from '../../clock.ts';
import { systemClock } from '../../clock.ts';
import { OffpeakError } from '../../errors.ts';
import type { Random } from '../../ids.ts';
import type { Delivery, ServiceStore } from '../../service-store.ts';
import { deliveryStates } from '../../service-store.ts';
import type { Store } from '../../store.ts';
import type { Views } from '../../views.ts';
import type { Settings } from '../contract/settings.ts';
import type { Duty } from '../duties.ts';
import type { Lookup } from '../public-address.ts';
import { jobIdOf, parseJobId } from '../public-ids.ts';
import type { Deliveries, ServiceViews } from '../service.ts';
import { pageOf } from '../views/pages.ts';
import { notFound, oneOf } from '../views/refusals.ts';
import { toDelivery, toDeliveryDetails } from './delivery-view.ts';
import { planEventDeliveries } from './event-deliveries.ts';
import { createHostLimits } from './host-limits.ts';
import type { Mailer } from './mailer.ts';
import { createReceiverAlerts } from './receiver-alerts.ts';
import { type SendDueOptions, sendDue } from './send-due.ts';
import { createSigningSecrets } from './signing-secrets.ts';

export interface DeliveriesOptions {
  service: ServiceStore;
  store: Pick<Store, 'getRun'>;
  views: Pick<Views, 'getResult' | 'getJob' | 'listEvents' | 'lastEventId' | 'getBatch'>;
  /** For the bodies of batches' events. */
  batch: ServiceViews['batch'];
  settings: () => Promise<Settings>;
  /** Names this process on its leases. */
  owner: string;
  /** Of Offpeak, for the header `user-agent`. */
  version: string;
  /** Absent: no mail server is configured, and a mail is a failed delivery that says so. */
  mailer?: Mailer;
  /** Webhooks may lead into a private network: for tests, and for intranets. Default false. */
  allowPrivateCallbacks?: boolean;
  lookup?: Lookup;
  clock?: Clock;
  random?: Random;
  randomBytes?: (size: number) => Buffer;
  /** Requests under way at the same time, over all receivers; 16. */
  parallel?: number;
  /** To one host; 4. */
  parallelPerHost?: number;
}

export interface DeliveriesWithDuty extends Deliveries {
  /** Plans and sends. */
  readonly duty: Duty;
}

const everyMs = 1_000;

/**
 * Tells others what has happened: signed webhooks (Standard Webhooks 1.0.0) and mails out of a durable outbox. On the
 * wire at least once, by its `webhook-id` once: a receiver that has seen an id has this delivery already. Each is tried
 * for three days, every attempt is on record, and any can be sent again.
 */
export function createDeliveries(options: DeliveriesOptions): DeliveriesWithDuty {
  const { service, views, clock = systemClock } = options;
  const secrets = createSigningSecrets({
    service,
    clock,
    ...(options.randomBytes ? { randomBytes: options.randomBytes } : {}),
  });
  const sendOptions = createSendOptions({ ...options, clock }, secrets);

  /** The type is part of a job's id, and a delivery holds the number alone. */
  const jobIdFor = async ({ job, runId }: Delivery): Promise<string | null> => {
    if (job === undefined) return null;
    const run = runId === undefined ? undefined : await options.store.getRun(runId);
    return jobIdOf(run ? run.queue : (await views.getJob(job))?.queue, job);
  };

  return {
    list: async ({ before, limit, state, jobId }) => {
      const job = jobId === undefined ? undefined : parseJobId(jobId)?.job;
      if (jobId !== undefined && job === undefined) throw notFound('job', jobId);
      const { rows, next } = await pageOf<Delivery>(
        limit,
        ({ id }) => id,
        (most) =>
          service.listDeliveries({
            limit: most,
            ...(before === undefined ? {} : { before }),
            ...(state === undefined ? {} : { state: oneOf('state', state, deliveryStates) }),
            ...(job === undefined ? {} : { job }),
          }),
      );
      const deliveries = [];
      for (const row of rows) deliveries.push(toDelivery(row, await jobIdFor(row)));
      return { deliveries, next_before: next };
    },
    get: async (id) => {
      const found = await service.getDelivery(id);
      if (!found) throw notFound('delivery', String(id));
      return toDeliveryDetails(found.delivery, await jobIdFor(found.delivery), found.attempts);
    },
    redeliver: async (id) => {
      if (!(await service.redeliver(id, clock.now()))) throw notFound('delivery', String(id));
    },
    signingSecret: async () => {
      const [current] = (await secrets.get()).secrets;
      if (current === undefined) throw new OffpeakError('There is no signing secret.', { code: 'internal' });
      return current;
    },
    rotateSigningSecret: () => secrets.rotate(),
    duty: {
      name: 'deliveries',
      everyMs,
      run: (signal) => sendDue(sendOptions, signal),
    },
  };
}

function createSendOptions(
  options: DeliveriesOptions & { clock: Clock },
  secrets: ReturnType<typeof createSigningSecrets>,
): SendDueOptions {
  const { service, views, clock } = options;
  const alerts = createReceiverAlerts(service, clock);
  return {
    service,
    owner: options.owner,
    clock,
    random: options.random ?? Math.random,
    parallel: options.parallel ?? 16,
    hosts: createHostLimits(options.parallelPerHost ?? 4, clock),
    attempt: {
      views,
      secrets,
      clock,
      mailer: options.mailer,
      userAgent: `offpeak/${options.version}`,
      post: {
        clock,
        allowPrivate: options.allowPrivateCallbacks ?? false,
        ...(options.lookup ? { lookup: options.lookup } : {}),
      },
    },
    plan: async () => {
      await planChunks(() => service.planDeliveries(clock.now()).then((looked) => looked > 0));
      await planChunks(() => planEventDeliveries({ ...options, clock }));
    },
    onEnd: (delivery, outcome) => alerts.ended(delivery, outcome),
  };
}

/** Chunks that are planned in a row; the rest comes after some were sent. */
const chunksPlanned = 20;

async function planChunks(plan: () => Promise<boolean>): Promise<void> {
  for (let chunk = 0; chunk < chunksPlanned && (await plan()); chunk++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
