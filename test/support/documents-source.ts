import type { Item, Source } from '../../src/source.ts';
import { markerOf } from './temporary.ts';

/** Names of documents that exist in memory alone; they are the keys of the jobs. */
export function documentKeys(count: number, prefix = 'report'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(4, '0')}.txt`);
}

/** Small texts, each with its own marker, without a file for any of them. */
export function createDocumentsSource(keys: readonly string[]): Source {
  return {
    description: { type: 'documents', keys },
    async *items(): AsyncGenerator<Item> {
      for (const [i, key] of keys.entries()) {
        const text = `This report speaks of ${markerOf(key)} and of nothing else.\n`;
        yield { key, position: i + 1, content: { type: 'text', name: key, text } };
      }
    },
  };
}
