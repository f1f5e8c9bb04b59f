import { deliveriesPage, deliveryDetails } from '../../service/contract/deliveries.ts';
import { changed } from '../../service/contract/runs.ts';
import type { App, RouteContext } from '../app.ts';
import { deliveriesQuery, deliveryParams } from '../queries.ts';

export function addDeliveryRoutes(app: App, { service }: RouteContext): void {
  const { deliveries } = service;
  app.get(
    '/batch/deliveries',
    {
      config: { role: 'read' },
      schema: {
        tags: ['deliveries'],
        summary: 'Webhooks and callbacks, newest first',
        querystring: deliveriesQuery,
        response: { 200: deliveriesPage },
      },
    },
    ({ query }) =>
      deliveries.list({
        limit: query.limit,
        ...(query.before === undefined ? {} : { before: query.before }),
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.job_id === undefined ? {} : { jobId: query.job_id }),
      }),
  );

  app.get(
    '/batch/deliveries/:delivery_id',
    {
      config: { role: 'read' },
      schema: {
        tags: ['deliveries'],
        summary: 'A delivery and all its attempts',
        params: deliveryParams,
        response: { 200: deliveryDetails },
      },
    },
    ({ params }) => deliveries.get(params.delivery_id),
  );

  app.post(
    '/batch/deliveries/:delivery_id/redeliver',
    {
      config: { role: 'queue' },
      schema: {
        tags: ['deliveries'],
        summary: 'Deliver again, now',
        params: deliveryParams,
        response: { 200: changed },
      },
    },
    async ({ params }) => {
      await deliveries.redeliver(params.delivery_id);
      return { status: 'pending', message: `Delivery ${params.delivery_id} is being sent again.` };
    },
  );
}
