import { basename, isAbsolute, join } from 'node:path';
import { OffpeakError } from '../../errors.ts';
import type { Item, ItemContent, Source } from '../../source.ts';
import { contentOf, refuseBig } from './content-of.ts';
import { errnoWords, isErrno } from './errno.ts';
import { type FilesOptions, type FilesSettings, parseFilesOptions } from './files-description.ts';
import { createPathFilter } from './path-filter.ts';
import { readAhead } from './read-ahead.ts';
import { type FileSystem, type ReadFileOptions, readFile, skipOf } from './read-file.ts';
import { type Found, walk } from './walk.ts';

export type { FilesOptions } from './files-description.ts';

/** Files read at once; more gains little, as Node reads with four threads. */
const filesInFlight = 8;

/** A file to read, or the reason that it is none; `key` is how the user knows it. */
type Candidate = { key: string; skip: ItemContent } | { key: string; path: string; lookFirst: boolean };

/**
 * One item a file: text (any usual encoding, PDF, DOCX) or an image, told by content and not by name. A file that
 * cannot be used is an item with the reason. Throws a `usage` error for options that make no sense; `items` throws
 * `not_found` when the directory does not exist.
 *
 * @example createFilesSource({ directory: 'docs', pattern: ['*.md', '*.pdf'], recursive: true, exclude: ['drafts/'] })
 */
export function createFilesSource(options: FilesOptions, fs?: FileSystem): Source {
  const { description, settings } = parseFilesOptions(options);
  return { description, items: (signal) => itemsOf(settings, fs, signal) };
}

async function* itemsOf(
  settings: FilesSettings,
  fs: FileSystem | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item> {
  const readOptions = {
    maxBytes: settings.vision ? 0 : settings.maxTextBytes,
    wants: (size: number, modifiedMs: number) =>
      size >= settings.minBytes &&
      size <= settings.maxBytes &&
      modifiedMs >= settings.modifiedAfterMs &&
      modifiedMs < settings.modifiedBeforeMs,
    refuse: (size: number, head: Buffer) => refuseBig(size, head, settings),
  };
  const read = async (candidate: Candidate): Promise<Omit<Item, 'position'> | undefined> => {
    if ('skip' in candidate) return { key: candidate.key, content: candidate.skip };
    const content = await readContent(candidate, settings, { ...readOptions, lookFirst: candidate.lookFirst }, fs);
    return content && { key: candidate.key, content };
  };
  const candidates = settings.files ? listed(settings.files, settings.directory) : walked(settings, signal);
  let position = 0;
  try {
    for await (const item of readAhead(candidates, read, filesInFlight)) {
      signal?.throwIfAborted();
      if (!item) continue;
      yield { key: item.key, position: ++position, content: item.content };
      if (position >= settings.limit) return;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new OffpeakError('reading the files was stopped', { code: 'aborted', retryable: true, cause: error });
  }
}

/** Undefined when the size or date filter does not want the file. */
async function readContent(
  file: { path: string },
  settings: FilesSettings,
  options: ReadFileOptions,
  fs: FileSystem | undefined,
): Promise<ItemContent | undefined> {
  const result = await readFile(file.path, options, fs);
  if (result.type === 'unwanted') return undefined;
  if (result.type === 'skip') return result;
  try {
    return await contentOf(basename(file.path), result.bytes, settings);
  } catch (error) {
    // One poisoned file must not end the run.
    return skipOf('unreadable', `the file cannot be understood: ${error instanceof Error ? error.name : 'error'}`);
  }
}

async function* walked(settings: FilesSettings, signal: AbortSignal | undefined): AsyncGenerator<Candidate> {
  let last = '';
  let same = 1;
  for await (const found of walk(settings.directory, createPathFilter(settings), signal)) {
    const candidate = candidateOf(found, settings.directory);
    // Two names that are not valid UTF-8 may read the same, and then stand side by side.
    same = candidate.key === last ? same + 1 : 1;
    last = candidate.key;
    yield same === 1 ? candidate : { ...candidate, key: `${candidate.key} (${same})` };
  }
}

function candidateOf(found: Found, directory: string): Candidate {
  if (found.type === 'file') return { key: found.path, path: join(directory, found.path), lookFirst: found.isLink };
  if (found.type === 'special') {
    return { key: found.path, skip: skipOf('unreadable', 'it is a pipe, socket or device, not a file') };
  }
  const code = isErrno(found.error, 'ENOENT') ? 'missing' : 'unreadable';
  return { key: found.path, skip: skipOf(code, `the folder cannot be read: ${errnoWords(found.error)}`) };
}

async function* listed(files: readonly string[], directory: string): AsyncGenerator<Candidate> {
  const seen = new Set<string>();
  const keys = new Set(files);
  for (const file of files) {
    const path = isAbsolute(file) ? join(file) : join(directory, file);
    if (!seen.has(path)) {
      seen.add(path);
      yield { key: file, path, lookFirst: true };
      continue;
    }
    let key = `${file} (2)`;
    for (let count = 3; keys.has(key); count++) key = `${file} (${count})`;
    keys.add(key);
    yield { key, skip: skipOf('duplicate', 'the file was named before') };
  }
}
