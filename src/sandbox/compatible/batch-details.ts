import type { BatchRecord } from '../batches/batch-record.ts';
import type { OpenAiDetails } from '../openai/batch-details.ts';

export interface CompatibleDetails extends OpenAiDetails {
  /** Where the batch names the model, and not only its lines. */
  jobModel?: string;
}

export type CompatibleBatch = BatchRecord<CompatibleDetails>;
