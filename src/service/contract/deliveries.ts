import { z } from 'zod';
import { count, time } from './words.ts';

export const delivery = z
  .object({
    delivery_id: count,
    event: z.string(),
    url: z.string(),
    job_id: z.string().nullable(),
    run_id: z.string().nullable(),
    state: z.enum(['pending', 'delivered', 'failed']),
    attempts: count,
    created_at: time,
    next_at: time.nullable(),
    last_status: z.int().nullable(),
    last_error: z.string().nullable(),
  })
  .meta({ id: 'Delivery' });
export const deliveryDetails = delivery
  .extend({
    log: z.array(
      z.object({ at: time, duration_ms: z.number(), status: z.int().nullable(), error: z.string().nullable() }),
    ),
  })
  .meta({ id: 'DeliveryDetails' });
export const deliveriesPage = z
  .object({ deliveries: z.array(delivery), next_before: z.int().nullable() })
  .meta({ id: 'DeliveriesPage' });

export const serverEvent = z
  .object({
    id: z.int(),
    at: time,
    type: z.string(),
    run_id: z.string().nullable(),
    batch_id: z.string().nullable(),
    detail: z.string().nullable(),
  })
  .meta({ id: 'Event' });

export type Delivery = z.infer<typeof delivery>;
export type DeliveriesPage = z.infer<typeof deliveriesPage>;
export type DeliveryDetails = z.infer<typeof deliveryDetails>;
export type ServerEvent = z.infer<typeof serverEvent>;
