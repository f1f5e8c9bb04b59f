import type { BatchRecord } from '../batches/batch-record.ts';

/** What only OpenAI's batches have. */
export interface OpenAiDetails {
  endpoint: string;
  inputFileId: string;
  completionWindow: string;
  metadata: Record<string, string> | null;
  outputExpiresSeconds: number | null;
  outputFileId: string | null;
  errorFileId: string | null;
  /** A fault: the queue is full for this batch. */
  tokenLimit: boolean;
}

export type OpenAiBatch = BatchRecord<OpenAiDetails>;

export const OPENAI = 'openai';
