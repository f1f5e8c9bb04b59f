import type { BatchRecord } from '../batches/batch-record.ts';
import type { ResultFile } from '../batches/dialect.ts';
import type { ApiVersion } from './api-version.ts';
import type { Problem } from './errors.ts';

/** What only Anthropic's batches have. */
export interface AnthropicDetails {
  version: ApiVersion;
  /** Blob with one request per line. */
  input: string;
  results: ResultFile | null;
  /** A fault: every row ends with this error. */
  failsWith: Problem | null;
}

export type AnthropicBatch = BatchRecord<AnthropicDetails>;

export const ANTHROPIC = 'anthropic';
