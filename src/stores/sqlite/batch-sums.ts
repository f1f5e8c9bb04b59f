import type { BookRow } from '../../store-rows.ts';
import type { Database } from './database.ts';

/** How a batch's rows ended, and their money; kept on the batch, for to add up a hundred thousand attempts takes 50 ms. */
export class BatchSums {
  private succeeded = 0;
  private failed = 0;
  private costNano = 0;
  private realtimeNano = 0;
  private unpriced = 0;

  add(row: Pick<BookRow, 'outcome' | 'usage' | 'costNanoUsd' | 'realtimeNanoUsd'>): void {
    if (row.outcome === 'returned') return;
    if (row.outcome === 'succeeded') this.succeeded += 1;
    else this.failed += 1;
    this.costNano += row.costNanoUsd ?? 0;
    this.realtimeNano += row.realtimeNanoUsd ?? 0;
    if (row.usage && row.costNanoUsd === undefined) this.unpriced += 1;
  }

  /** A row that had failed has an answer after all. */
  takeFailureBack(): void {
    this.failed -= 1;
  }

  write(db: Database, batchId: number): void {
    if (this.succeeded === 0 && this.failed === 0) return;
    db.sql(
      `UPDATE batches SET succeeded = succeeded + ?, failed = failed + ?, cost_nano = cost_nano + ?,
         realtime_nano = realtime_nano + ?, unpriced = unpriced + ? WHERE id = ?`,
    ).run(this.succeeded, this.failed, this.costNano, this.realtimeNano, this.unpriced, batchId);
  }
}
