import { OffpeakError } from '../errors.ts';
import type { Description } from '../run.ts';
import type { Source } from '../source.ts';
import { createFilesSource, type FilesOptions } from './files/files-source.ts';
import { createJsonlSource, type JsonlOptions } from './jsonl/jsonl-source.ts';

/** Builds a source again from its description, in any process; `usage` error for a type or field it does not know. */
export function createSource(description: Description): Source {
  // The functions check every field themselves.
  if (description.type === 'files') return createFilesSource(description as FilesOptions);
  if (description.type === 'jsonl') return createJsonlSource(description as unknown as JsonlOptions);
  throw new OffpeakError(`unknown source type "${description.type}": known are files, jsonl`, { code: 'usage' });
}
