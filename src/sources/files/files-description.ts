import { resolve } from 'node:path';
import { z } from 'zod';
import { OffpeakError } from '../../errors.ts';
import { parseDescription } from '../../parse-description.ts';
import type { Description } from '../../run.ts';

/** What `createFilesSource` takes. All plain JSON: with `type: 'files'` it is the source's description. */
export interface FilesOptions {
  /** Default: the working directory; kept absolute. */
  directory?: string;
  /** Exactly these, in this order, instead of a walk; relative ones are relative to `directory`. */
  files?: readonly string[];
  /** Glob or globs, default `*`. One with `/` is matched against the whole path and, like `**`, walks subfolders. */
  pattern?: string | readonly string[];
  /** Also match a pattern without `/` in every subfolder. */
  recursive?: boolean;
  /** Globs for what to leave out; without `/` they hold for any file or folder name. */
  exclude?: readonly string[];
  /** Smaller or bigger files are no items. */
  minBytes?: number;
  maxBytes?: number;
  /** ISO times: modified at or after / before. Without a zone: UTC for a date alone, else local. */
  modifiedAfter?: string;
  modifiedBefore?: string;
  /** Stop after so many items, skipped ones included. */
  limit?: number;
  /** Longest text sent, read from a text file or extracted from a document; default 1,048,576. */
  maxTextBytes?: number;
  /** Biggest image, PDF or Word file read; default 20 MiB. */
  maxImageBytes?: number;
  /** Images only: anything else is skipped as `unsupported`. Without it the content decides. */
  vision?: boolean;
  /** Let `*` and `**` match names that begin with a dot. */
  hidden?: boolean;
}

export interface FilesSettings {
  directory: string;
  files: readonly string[] | undefined;
  patterns: readonly string[];
  recursive: boolean;
  exclude: readonly string[];
  minBytes: number;
  maxBytes: number;
  modifiedAfterMs: number;
  modifiedBeforeMs: number;
  limit: number;
  maxTextBytes: number;
  maxImageBytes: number;
  vision: boolean;
  hidden: boolean;
}

const bytes = z.int().nonnegative();
const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'must be an ISO time like 2026-11-20');
const glob = z
  .string()
  .min(1)
  .refine((text) => !text.startsWith('/'), 'must be relative to the directory, without a leading /')
  .refine((text) => !text.split('/').includes('..'), 'must not leave the directory by ..')
  .refine((text) => !/^!(?!\()/.test(text), 'must not begin with !: use exclude');

// In the order in which the fields stand in the stored description: it is part of a run's fingerprint.
const schema = z.strictObject({
  type: z.literal('files').optional(),
  directory: z.string().min(1).optional(),
  files: z.array(z.string().min(1)).optional(),
  pattern: z.union([glob, z.array(glob).min(1)]).optional(),
  recursive: z.boolean().optional(),
  exclude: z.array(glob).optional(),
  minBytes: bytes.optional(),
  maxBytes: bytes.optional(),
  modifiedAfter: time.optional(),
  modifiedBefore: time.optional(),
  limit: z.int().positive().optional(),
  maxTextBytes: bytes.optional(),
  maxImageBytes: bytes.optional(),
  vision: z.boolean().optional(),
  hidden: z.boolean().optional(),
});

/** The checked options as they are stored (defaults left out, directory absolute) and as they are used. */
export function parseFilesOptions(options: unknown): { description: Description; settings: FilesSettings } {
  const given = parseDescription(schema, options, 'the files source');
  const directory = resolve(given.directory ?? '.');
  const patterns = [given.pattern ?? '*'].flat();
  const plainPattern = patterns.length === 1 && patterns[0] === '*';
  if (given.files && (!plainPattern || given.recursive || given.exclude?.length)) {
    const message = 'a list of files cannot be combined with pattern, recursive or exclude: leave one of them out';
    throw new OffpeakError(message, { code: 'usage' });
  }
  const stored: Record<string, unknown> = { type: 'files', directory };
  for (const name of Object.keys(schema.shape)) {
    const value: unknown = given[name as keyof typeof given];
    const isDefault = value === undefined || value === false || (name === 'exclude' && given.exclude?.length === 0);
    if (isDefault || name === 'type' || name === 'directory') continue;
    if (name === 'pattern') {
      if (!plainPattern) stored[name] = patterns.length === 1 ? patterns[0] : patterns;
    } else if ((name === 'modifiedAfter' || name === 'modifiedBefore') && typeof value === 'string') {
      // A process in another time zone must read the same moment.
      stored[name] = new Date(value).toISOString();
    } else stored[name] = value;
  }
  const settings: FilesSettings = {
    directory,
    files: given.files,
    patterns,
    recursive: given.recursive ?? false,
    exclude: given.exclude ?? [],
    minBytes: given.minBytes ?? 0,
    maxBytes: given.maxBytes ?? Number.POSITIVE_INFINITY,
    modifiedAfterMs: given.modifiedAfter === undefined ? Number.NEGATIVE_INFINITY : Date.parse(given.modifiedAfter),
    modifiedBeforeMs: given.modifiedBefore === undefined ? Number.POSITIVE_INFINITY : Date.parse(given.modifiedBefore),
    limit: given.limit ?? Number.POSITIVE_INFINITY,
    maxTextBytes: given.maxTextBytes ?? 1_048_576,
    maxImageBytes: given.maxImageBytes ?? 20 * 1024 * 1024,
    vision: given.vision ?? false,
    hidden: given.hidden ?? false,
  };
  return { description: { ...stored, type: 'files' }, settings };
}
