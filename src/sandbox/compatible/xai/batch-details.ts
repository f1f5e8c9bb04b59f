import type { BatchRecord } from '../../batches/batch-record.ts';

/** What only xAI's batches have. */
export interface XaiDetails {
  name: string;
  inputFileId: string;
}

export type XaiBatch = BatchRecord<XaiDetails>;

export const XAI = 'xai';
export const XAI_PREFIX = '/xai/v1';
