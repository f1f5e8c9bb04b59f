import type { BatchRecord } from '../batches/batch-record.ts';

/** Stands in the records. */
export const GEMINI = 'gemini';
/** Running or pending for so long, a batch expires (contract section 3.5). */
export const WINDOW_MS = 48 * 3_600_000;
/** Results are kept six weeks. */
export const RESULT_LIFE_MS = 42 * 24 * 3_600_000;

/** What only Gemini knows about a batch. */
export interface GeminiDetails {
  method: 'generateContent' | 'embedContent';
  displayName: string | null;
  priority: string | null;
  /** One request per line. */
  inputBlob: string;
  /** Size of inline requests as they lie in the blob. */
  inlineBytes: number;
  /** `null`: the requests came inline, and so do the results. */
  inputFileId: string | null;
  /** The file of results, once there are any. */
  responsesFileId: string | null;
  /** Inline results: one per line, the first so many bytes of the blob. */
  inlineResults: { blob: string; bytes: number } | null;
}

export type GeminiBatch = BatchRecord<GeminiDetails>;
