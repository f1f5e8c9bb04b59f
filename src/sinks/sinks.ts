import { OffpeakError } from '../errors.ts';
import type { Sink } from '../sink.ts';
import { createCsvSink } from './csv-sink.ts';
import { createJsonSink } from './json-sink.ts';
import { createJsonlSink } from './jsonl-sink.ts';
import { createMarkdownSink } from './markdown-sink.ts';
import type { TextTarget } from './text-target.ts';

export const sinkFormats = ['json', 'csv', 'markdown', 'jsonl'] as const;
export type SinkFormat = (typeof sinkFormats)[number];

export interface SinkOptions {
  /** CSV only; see `CsvSinkOptions`. Default true. */
  escapeFormulas?: boolean;
  /** For the processing time of a run that has not ended. Default: the system's clock. */
  now?: () => number;
}

/** The sink of a format, writing to `target`; the target is ended and aborted with the sink. */
export function createSink(format: SinkFormat, target: TextTarget, options: SinkOptions = {}): Sink {
  switch (format) {
    case 'json':
      return createJsonSink(target, options);
    case 'csv':
      return createCsvSink(target, options);
    case 'markdown':
      return createMarkdownSink(target, options);
    case 'jsonl':
      return createJsonlSink(target);
    default:
      throw new OffpeakError(`Unknown result format "${String(format)}". Use one of: ${sinkFormats.join(', ')}.`, {
        code: 'usage',
      });
  }
}

const formatsByExtension: Readonly<Record<string, SinkFormat>> = {
  json: 'json',
  csv: 'csv',
  md: 'markdown',
  markdown: 'markdown',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
};

/** The format that a file name asks for by its extension; undefined when it asks for none we know. */
export function formatOf(path: string): SinkFormat | undefined {
  const extension = /\.([a-z]+)$/i.exec(path)?.[1];
  return extension === undefined ? undefined : formatsByExtension[extension.toLowerCase()];
}
