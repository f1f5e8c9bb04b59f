import { costs, savings } from '../../service/contract/money.ts';
import { alerts, dashboard, markdownReport, metrics, report } from '../../service/contract/overview.ts';
import type { App, RouteContext } from '../app.ts';
import { alertsQuery, costsQuery, metricsQuery, reportQuery } from '../queries.ts';

const dayMs = 86_400_000;

export function addOverviewRoutes(app: App, { service, clock }: RouteContext): void {
  const { views } = service;
  app.get(
    '/batch/metrics',
    {
      config: { role: 'read' },
      schema: {
        tags: ['overview'],
        summary: 'Six figures by job type, and their sums',
        querystring: metricsQuery,
        response: { 200: metrics },
      },
    },
    ({ query }) => views.metrics(query.category),
  );

  app.get(
    '/batch/dashboard',
    {
      config: { role: 'read' },
      schema: { tags: ['overview'], summary: 'Everything at a glance', response: { 200: dashboard } },
    },
    () => views.dashboard(),
  );

  app.get(
    '/batch/savings',
    {
      config: { role: 'read' },
      schema: { tags: ['money'], summary: 'Realtime price minus what was charged', response: { 200: savings } },
    },
    () => views.savings(),
  );

  app.get(
    '/batch/costs',
    {
      config: { role: 'read' },
      schema: {
        tags: ['money'],
        summary: 'Charged and saved since a day (UTC), default 30 days ago; by day, job type, provider, model or run',
        querystring: costsQuery,
        response: { 200: costs },
      },
    },
    ({ query }) => views.costs(query.by, query.since ?? new Date(clock.now() - 30 * dayMs).toISOString().slice(0, 10)),
  );

  app.get(
    '/batch/report',
    {
      config: { role: 'read' },
      schema: {
        tags: ['overview'],
        summary: 'A report of the last days, as figures or as Markdown',
        querystring: reportQuery,
        response: { 200: report.or(markdownReport) },
      },
    },
    async ({ query }) => {
      if (query.format === 'json') return views.report(query.days);
      return { content: await views.markdownReport(query.days), format: 'markdown' as const };
    },
  );

  app.get(
    '/batch/alerts',
    {
      config: { role: 'read' },
      schema: {
        tags: ['overview'],
        summary: 'Alerts that are raised; with all, also those that are resolved',
        querystring: alertsQuery,
        response: { 200: alerts },
      },
    },
    async ({ query }) => {
      const found = await service.alerts.list({ openOnly: query.all !== 'true', limit: query.limit });
      return { count: found.length, alerts: found };
    },
  );
}
