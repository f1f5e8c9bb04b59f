import { isoTime } from '../../clock.ts';
import {
  providers,
  schedulerResponse,
  serviceSettings,
  settingsChange,
  signingSecret,
} from '../../service/contract/settings.ts';
import type { App, RouteContext } from '../app.ts';
import { maskSettings, unmaskChange } from '../masking.ts';
import { providersQuery } from '../queries.ts';

export function addSettingsRoutes(app: App, { service }: RouteContext): void {
  const { queues } = service;
  app.get(
    '/batch/settings',
    {
      config: { role: 'read' },
      schema: {
        tags: ['settings'],
        summary: 'Schedule, triggers, alerts; addresses that are secrets are masked',
        response: { 200: serviceSettings },
      },
    },
    async () => maskSettings(await queues.settings()),
  );

  app.put(
    '/batch/settings',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['settings'],
        summary: 'Change settings; what is left out stays, and a masked address stays what it was',
        body: settingsChange,
        response: { 200: serviceSettings },
      },
    },
    async ({ body }) => maskSettings(await queues.changeSettings((current) => unmaskChange(body, current))),
  );

  app.get(
    '/batch/settings/signing-secret',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['settings'],
        summary: 'What receivers check the signature of webhooks with (Standard Webhooks)',
        response: { 200: signingSecret },
      },
    },
    async () => ({ signing_secret: await service.deliveries.signingSecret() }),
  );

  app.post(
    '/batch/settings/signing-secret/rotate',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['settings'],
        summary: 'A new signing secret; for a day the old one signs beside it',
        response: { 200: signingSecret },
      },
    },
    async () => ({ signing_secret: await service.deliveries.rotateSigningSecret() }),
  );

  app.get(
    '/batch/providers',
    {
      config: { role: 'read' },
      schema: {
        tags: ['settings'],
        summary: 'The providers that jobs may name; with check, whether address and key work',
        querystring: providersQuery,
        response: { 200: providers },
      },
    },
    ({ query }) => service.views.providers(query.check === 'true'),
  );

  const switchSchedule = async (enabled: boolean) => {
    let changed = false;
    const { schedule } = await queues.changeSettings((current) => {
      changed = current.schedule.enabled !== enabled;
      return changed ? { schedule: { ...current.schedule, enabled } } : {};
    });
    const nextAt = enabled ? await queues.nextScheduled() : undefined;
    return { changed, schedule, next_at: nextAt === undefined ? null : isoTime(nextAt) };
  };

  app.post(
    '/batch/scheduler/start',
    {
      config: { role: 'admin' },
      schema: { tags: ['settings'], summary: 'Switch the nightly schedule on', response: { 200: schedulerResponse } },
    },
    async () => {
      const { changed, schedule, next_at } = await switchSchedule(true);
      const when = `every day at ${schedule.time} (${schedule.time_zone})`;
      return {
        status: changed ? 'started' : 'already_running',
        message: changed ? `Queues are sent ${when}.` : `The schedule was on already: ${when}.`,
        schedule_time: schedule.time,
        next_at,
      };
    },
  );

  app.post(
    '/batch/scheduler/stop',
    {
      config: { role: 'admin' },
      schema: { tags: ['settings'], summary: 'Switch the nightly schedule off', response: { 200: schedulerResponse } },
    },
    async () => {
      const { changed, next_at } = await switchSchedule(false);
      return {
        status: changed ? 'stopped' : 'not_running',
        message: changed ? 'Queues are not sent by the schedule any more.' : 'The schedule was off already.',
        next_at,
      };
    },
  );
}
