import type { RemoteBatch } from '../../provider.ts';
import type { BatchProfile } from '../server-profile.ts';
import { type CountedOptions, createReadCounted } from './counted-batch.ts';
import { parseBatch } from './openai-api.ts';

/** A batch as the server tells it, in our words; undefined when it carries no id. */
export type ReadBatch = (answer: unknown) => RemoteBatch | undefined;

export function createReadBatch(object: BatchProfile['object'], options: CountedOptions): ReadBatch {
  return object === 'counters' ? createReadCounted(options) : (answer) => parseBatch(answer, object);
}
