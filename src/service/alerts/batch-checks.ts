import { isOpenBatch } from '../../batch.ts';
import type { NewAlert } from '../../service-store.ts';
import type { BatchSummary } from '../../views.ts';
import type { OwnViews } from '../own-side.ts';
import { batchIdOf } from '../public-ids.ts';
import { batchStatusOf } from '../views/batch-status.ts';
import { dayMs, percentOf } from '../views/figures.ts';
import type { Check } from './check.ts';

type Source = Pick<OwnViews, 'everyBatch'>;

/** Batches that ended in this time are judged; they may have begun a while before. */
const judgedMs = dayMs;
const longestBatchMs = 2 * dayMs;
/** Of more batches than this the newest tell. */
const mostJudged = 10_000;
/** One job of three that fails is no rate. */
const fewestRows = 10;
const mostStale = 100;

/** More of a day's batches failed, or of the rows in them, than is borne. */
export function failureRateCheck(views: Source): Check {
  return {
    name: 'failure_rate',
    alerts: ['high_failure_rate'],
    async find({ settings, clock }) {
      const limit = settings.alerts.high_failure_rate_percent;
      const { batches, failed, rows, failedRows } = await lastDay(views, clock.now());
      const ofBatches = percentOf(failed, batches);
      const ofRows = rows < fewestRows ? 0 : percentOf(failedRows, rows);
      if (ofBatches <= limit && ofRows <= limit) return [];
      const [percent, part] =
        ofBatches > limit
          ? [ofBatches, `${failed} of ${batches} batches`]
          : [ofRows, `${failedRows} of ${rows} requests in batches`];
      return [
        {
          name: 'high_failure_rate',
          subject: '',
          severity: 'warning',
          title: `${percent} % failed in the last 24 hours`,
          message: `${part} that ended in the last 24 hours have failed; the limit is ${limit} %. The report groups the failures by their reason.`,
        },
      ];
    },
  };
}

async function lastDay(views: Source, now: number) {
  const sums = { batches: 0, failed: 0, rows: 0, failedRows: 0 };
  let looked = 0;
  for await (const batch of views.everyBatch({ since: now - longestBatchMs })) {
    looked += 1;
    if (looked > mostJudged) break;
    if (batch.submittedAt === undefined || isOpenBatch(batch.state) || batchStatusOf(batch) === 'cancelled') continue;
    if ((batch.endedAt ?? batch.submittedAt) < now - judgedMs) continue;
    sums.batches += 1;
    if (batch.state === 'failed') sums.failed += 1;
    sums.rows += batch.succeeded + batch.failed;
    sums.failedRows += batch.failed;
  }
  return sums;
}

/** Batches that are under way for longer than any should be: one alert each, until it has ended. */
export function staleBatchCheck(views: Source): Check {
  return {
    name: 'stale_batches',
    alerts: ['stale_batch'],
    async find({ settings, clock }) {
      const hours = settings.alerts.stale_batch_hours;
      const stale: NewAlert[] = [];
      for await (const batch of views.everyBatch({ openOnly: true })) {
        // A batch that was never sent waits too: for a key, for room, for a worker.
        const age = clock.now() - (batch.submittedAt ?? batch.createdAt);
        if (age > hours * 3_600_000) stale.push(staleAlert(batch, hours));
        if (stale.length >= mostStale) break;
      }
      return stale;
    },
  };
}

function staleAlert(batch: BatchSummary, hours: number): NewAlert {
  const id = batchIdOf(batch.provider, batch.id);
  const word =
    batch.rawStatus === undefined ? batch.state : `${batch.state} (${batch.provider} says ${batch.rawStatus})`;
  return {
    name: 'stale_batch',
    subject: id,
    severity: 'warning',
    title: `Batch ${id} is under way for more than ${hours} hours`,
    message: `Its state is ${word}, with ${batch.requests} jobs. What it has finished is kept when it is cancelled.`,
  };
}
