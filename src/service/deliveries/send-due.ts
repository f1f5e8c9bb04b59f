import type { Clock } from '../../clock.ts';
import type { Random } from '../../ids.ts';
import type { Delivery, DeliveryAttempt, DeliveryLease, ServiceStore } from '../../service-store.ts';
import { type AttemptOptions, attemptDelivery, type Tried } from './attempt.ts';
import type { HostLimits } from './host-limits.ts';
import { nextAttemptAt } from './retry-plan.ts';

export interface SendDueOptions {
  service: Pick<ServiceStore, 'claimDeliveries' | 'bookDelivery' | 'postponeDelivery'>;
  attempt: AttemptOptions;
  hosts: HostLimits;
  /** Names this process on its leases. */
  owner: string;
  clock: Clock;
  random: Random;
  /** Requests under way at the same time. */
  parallel: number;
  /** Looks for more to send: at first, and about each second while something is sent. */
  plan: () => Promise<void>;
  /** Whom a delivery was for, and whether it came to an end. */
  onEnd: (delivery: Delivery, outcome: 'delivered' | 'given_up') => Promise<void>;
}

/** Longer than a delivery waits here and is sent, so that nobody else sends it meanwhile. */
const leaseMs = 60_000;
/** What waits longer for its host's place is given back, so that others get their turn. */
const longestWaitMs = 5_000;
/** When the service is closed, requests under way get so long to end by themselves. */
const graceMs = 1_500;

const planEveryMs = 1_000;

interface Sending extends SendDueOptions {
  running: Set<Promise<void>>;
  /** The store failed while something was booked. */
  failure: { error: unknown } | undefined;
  /** Waiting for a place at their host. */
  waiting: Claimed[];
  /** Breaks off what is under way. */
  breakOff: AbortSignal;
}

interface Claimed {
  delivery: Delivery;
  lease: DeliveryLease;
  since: number;
}

/** Sends everything that is due; returns when nothing is, or soon after the signal. */
export async function sendDue(options: SendDueOptions, signal: AbortSignal): Promise<void> {
  const breakOff = new AbortController();
  const sending: Sending = {
    ...options,
    running: new Set(),
    failure: undefined,
    waiting: [],
    breakOff: breakOff.signal,
  };
  let plannedAt = Number.NEGATIVE_INFINITY;
  try {
    while (!signal.aborted && !sending.failure) {
      if (Math.abs(options.clock.now() - plannedAt) >= planEveryMs) {
        await options.plan();
        plannedAt = options.clock.now();
      }
      if (!(await startDue(sending, signal)) && sending.running.size === 0 && sending.waiting.length === 0) break;
      await nextEnd(sending, signal);
    }
  } finally {
    await closeDown(sending, breakOff);
  }
  if (sending.failure) throw sending.failure.error;
}

/** Starts what has waited, then claims more; whether anything new was claimed. */
async function startDue(sending: Sending, signal: AbortSignal): Promise<boolean> {
  const { service, clock, owner, parallel, running, waiting } = sending;
  for (const entry of waiting.splice(0)) await startOrWait(sending, entry);
  const free = parallel - running.size - waiting.length;
  // A claim is a commit: not one for each place that gets free.
  if (free < parallel / 3 || signal.aborted) return false;
  const now = clock.now();
  const lease = { owner, until: now + leaseMs };
  const claimed = await service.claimDeliveries(owner, now, lease.until, free);
  for (const delivery of claimed) await startOrWait(sending, { delivery, lease, since: now });
  return claimed.length > 0;
}

async function startOrWait(sending: Sending, entry: Claimed): Promise<void> {
  const { service, clock, random, hosts, running, waiting } = sending;
  const { delivery, lease, since } = entry;
  const held = hosts.begin(hostOf(delivery));
  if (held === undefined) {
    const task = send(sending, entry)
      // Not booked, it is sent again when its lease lapses: twice on the wire, under the same id.
      .catch((error: unknown) => {
        sending.failure ??= { error };
      })
      .finally(() => running.delete(task));
    running.add(task);
  } else if (held !== 'busy') {
    await service.postponeDelivery(delivery.id, lease, held.restsUntil + random() * longestWaitMs);
  } else if (clock.now() - since >= longestWaitMs) {
    await service.postponeDelivery(delivery.id, lease, clock.now() + random() * longestWaitMs);
  } else waiting.push(entry);
}

function hostOf({ url }: Delivery): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Until one has ended; with some that wait, not longer than they may. */
async function nextEnd({ running, waiting, clock }: Sending, signal: AbortSignal): Promise<void> {
  if (running.size === 0 && waiting.length === 0) return;
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  await Promise.race([...running, clock.sleep(waiting.length > 0 ? longestWaitMs : leaseMs, stop)]);
  done.abort();
}

async function send(sending: Sending, claimed: Claimed): Promise<void> {
  const { clock, hosts, breakOff } = sending;
  const { delivery } = claimed;
  const at = clock.now();
  const tried = await attemptDelivery(sending.attempt, delivery, breakOff);
  hosts.end(hostOf(delivery), tried.status === undefined && tried.outcome === 'failed' ? 'silent' : 'answered');
  await bookTry(sending, claimed, tried, { at, durationMs: Math.max(0, Math.round(clock.now() - at)) });
}

async function bookTry(
  { service, clock, random, breakOff, onEnd }: Sending,
  { delivery, lease }: Claimed,
  tried: Tried,
  when: Pick<DeliveryAttempt, 'at' | 'durationMs'>,
): Promise<void> {
  const { outcome, status, error, retryAfterMs } = tried;
  const attempt: DeliveryAttempt = {
    ...when,
    ...(status === undefined ? {} : { status }),
    ...(error === undefined ? {} : { error }),
  };
  if (outcome === 'failed') {
    // Broken off by our own close: it is not the receiver's turn to wait.
    const nextAt = breakOff.aborted
      ? clock.now()
      : nextAttemptAt({
          firstAt: delivery.firstAt ?? when.at,
          startedAt: when.at,
          now: clock.now(),
          random,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        });
    if (nextAt !== undefined) {
      await service.bookDelivery(delivery.id, lease, attempt, 'pending', nextAt);
      return;
    }
  }
  const isEnded = await service.bookDelivery(
    delivery.id,
    lease,
    attempt,
    outcome === 'delivered' ? 'delivered' : 'failed',
  );
  // Else it is due again, or somebody else's, and was not given up.
  if (isEnded) await onEnd(delivery, outcome === 'delivered' ? 'delivered' : 'given_up');
}

/** What waits is given back, what is under way gets a moment; then it is broken off, recorded, and due again. */
async function closeDown({ service, clock, running, waiting }: Sending, breakOff: AbortController): Promise<void> {
  for (const { delivery, lease } of waiting.splice(0)) await service.postponeDelivery(delivery.id, lease, clock.now());
  if (running.size === 0) return;
  const done = new AbortController();
  await Promise.race([Promise.all(running), clock.sleep(graceMs, done.signal)]);
  done.abort();
  breakOff.abort();
  await Promise.all(running);
}
