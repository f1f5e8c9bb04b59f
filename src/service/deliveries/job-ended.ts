import type { Views } from '../../views.ts';
import { toResult } from '../views/result-view.ts';
import { webhookBody } from './webhook-body.ts';

/**
 * The body that tells the end of a job, made when it is sent: its result stands in the store already. Undefined: it has
 * none any more, for somebody has queued it again; its next end is told by another delivery.
 */
export async function jobEndedBody(
  views: Pick<Views, 'getResult' | 'getJob'>,
  job: number,
  plannedAt: number,
): Promise<string | undefined> {
  const result = await views.getResult(job);
  if (!result) return undefined;
  const endedAt = (await views.getJob(job))?.endedAt ?? plannedAt;
  return webhookBody('job.ended', endedAt, toResult(result));
}
