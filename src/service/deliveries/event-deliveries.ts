import type { Clock } from '../../clock.ts';
import type { Alert, NewDelivery, ServiceStore } from '../../service-store.ts';
import type { Store } from '../../store.ts';
import type { StoreEvent, Views } from '../../views.ts';
import { savingsMilestone } from '../alerts/money-checks.ts';
import type { Settings, WebhookEvent } from '../contract/settings.ts';
import { batchIdOf } from '../public-ids.ts';
import type { ServiceViews } from '../service.ts';
import { toAlert } from '../views/alert-view.ts';
import { toRun } from '../views/run-view.ts';
import { alertMessages } from './alert-messages.ts';
import { webhookBody } from './webhook-body.ts';

export interface EventDeliveriesOptions {
  service: Pick<ServiceStore, 'getCursor' | 'planFrom' | 'listAlerts' | 'listRunCallbacks'>;
  store: Pick<Store, 'getRun'>;
  views: Pick<Views, 'listEvents' | 'lastEventId' | 'getBatch'>;
  /** For the body of a batch's event. */
  batch: ServiceViews['batch'];
  settings: () => Promise<Settings>;
  clock: Clock;
}

const cursor = 'webhook_events';
const eventsRead = 500;
/** Deliveries that one transaction adds; an event adds as many as there are channels. */
const mostPlanned = 200;
/** Alerts that are looked through for the one of an event. */
const alertsRead = 500;

/** Of the store's events those that are told, by the name under which they are subscribed to. */
const told: Readonly<Record<string, Exclude<WebhookEvent, '*'>>> = {
  run_ended: 'run.ended',
  batch_collected: 'batch.completed',
  batch_failed: 'batch.failed',
  alert_raised: 'alert.raised',
  alert_resolved: 'alert.resolved',
};

/**
 * Plans what is to be told of the store's events: to the webhooks of the settings, of a run's end to those who asked for
 * it, and of alerts to their channels. Each
 * event once, across restarts and processes, for the place up to which they were read is moved with what is added.
 * Returns whether there may be more.
 */
export async function planEventDeliveries(options: EventDeliveriesOptions): Promise<boolean> {
  const { service, views, clock } = options;
  const from = await service.getCursor(cursor);
  if (from === undefined) {
    // What happened before there was somebody to tell is not told.
    await service.planFrom({ name: cursor, from, to: await views.lastEventId() }, [], clock.now());
    return false;
  }
  const events = await views.listEvents({ after: from, limit: eventsRead });
  const settings = await options.settings();
  const planned: NewDelivery[] = [];
  let to = from;
  for (const event of events) {
    if (planned.length >= mostPlanned) break;
    const type = told[event.type];
    if (type !== undefined) planned.push(...(await deliveriesOf(options, settings, event, type)));
    to = event.id;
  }
  if (to === from) return false;
  await service.planFrom({ name: cursor, from, to }, planned, clock.now());
  return planned.length >= mostPlanned || events.length === eventsRead;
}

async function deliveriesOf(
  options: EventDeliveriesOptions,
  settings: Settings,
  event: StoreEvent,
  type: WebhookEvent,
): Promise<NewDelivery[]> {
  const subscribed = settings.webhooks.filter(({ events }) => events.includes(type) || events.includes('*'));
  const asked = event.type === 'run_ended' ? await options.service.listRunCallbacks(event.runId ?? '') : [];
  // Whoever asked for both is told once.
  const urls = [...new Set([...subscribed.map(({ url }) => url), ...asked])];
  const alert = type.startsWith('alert.') ? await alertOf(options, event) : undefined;
  // That a milestone is not shown any more is no news.
  const isNews = alert !== undefined && !(event.type === 'alert_resolved' && alert.name === savingsMilestone);
  const channels = isNews ? settings.alert_channels : [];
  if (urls.length === 0 && channels.length === 0) return [];
  const data = alert ? toAlert(alert) : await dataOf(options, event);
  if (data === undefined) return [];
  const body = webhookBody(type, event.at, data);
  const run = event.runId === undefined ? {} : { runId: event.runId };
  return [
    ...urls.map((url) => ({ event: type, url, body, ...run })),
    ...(alert ? channels.flatMap((channel) => alertMessages(channel, alert, { type, body })) : []),
  ];
}

async function alertOf({ service }: EventDeliveriesOptions, { detail }: StoreEvent): Promise<Alert | undefined> {
  const alerts = await service.listAlerts({ limit: alertsRead });
  return alerts.find(({ id }) => String(id) === detail);
}

async function dataOf({ store, views, batch }: EventDeliveriesOptions, event: StoreEvent): Promise<unknown> {
  if (event.batchId === undefined) {
    const run = event.runId === undefined ? undefined : await store.getRun(event.runId);
    return run ? toRun(run) : undefined;
  }
  const found = await views.getBatch(event.batchId);
  return found ? batch(batchIdOf(found.provider, found.id)) : undefined;
}
