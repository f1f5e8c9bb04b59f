import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OffpeakError } from '../../errors.ts';
import { errnoWords, isErrno } from './errno.ts';
import { NameList } from './name-list.ts';
import type { PathFilter } from './path-filter.ts';

/** What a walk finds, in byte order of the paths. */
export type Found =
  /** A regular file, or a link that leads to one or nowhere. `path` is relative to the root, with `/`. */
  | { type: 'file'; path: string; name: string; isLink: boolean }
  /** A pipe, socket or device under a name that is wanted. */
  | { type: 'special'; path: string; name: string }
  /** A subfolder that cannot be listed. */
  | { type: 'unlisted'; path: string; error: unknown };

const kinds = { file: 0, link: 1, special: 2, folder: 3, linkedFolder: 4 } as const;

interface OpenFolder {
  /** Relative to the root and ending with `/`; empty for the root. */
  path: string;
  names: NameList;
  next: number;
  /** Device and inode, to notice that a link leads back to a folder we are in. */
  identity: string;
}

/**
 * All wanted files below `root`, depth first, in byte order of the paths. Only the names of the folders on the way down
 * are held. Links to folders are followed, except back into a folder that the walk is in, and each target only once:
 * folders full of links to each other (as pnpm makes) would otherwise be walked in every combination.
 */
export async function* walk(root: string, filter: PathFilter, signal?: AbortSignal): AsyncGenerator<Found> {
  const open: OpenFolder[] = [];
  const followed = new Set<string>();
  try {
    const names = await namesIn(root, '', 0, filter, signal);
    open.push({ path: '', names, next: 0, identity: await identityOf(root) });
  } catch (error) {
    throw unusable(root, error);
  }
  for (let folder = open.at(-1); folder; folder = open.at(-1)) {
    if (folder.next === folder.names.length) {
      open.pop();
      continue;
    }
    const { name, kind } = folder.names.at(folder.next++);
    const path = folder.path + name;
    if (kind === kinds.file || kind === kinds.link) yield { type: 'file', path, name, isLink: kind === kinds.link };
    else if (kind === kinds.special) yield { type: 'special', path, name };
    else {
      try {
        const identity = await identityOf(join(root, path));
        const isLoop = open.some((outer) => outer.identity === identity);
        if (isLoop || (kind === kinds.linkedFolder && followed.has(identity))) continue;
        if (kind === kinds.linkedFolder) followed.add(identity);
        const names = await namesIn(root, path, open.length, filter, signal);
        open.push({ path, names, next: 0, identity });
      } catch (error) {
        if (signal?.aborted) throw error;
        yield { type: 'unlisted', path, error };
      }
    }
  }
}

async function identityOf(absolute: string): Promise<string> {
  const { dev, ino } = await stat(absolute, { bigint: true });
  return `${dev}:${ino}`;
}

async function namesIn(
  root: string,
  path: string,
  depth: number,
  filter: PathFilter,
  signal: AbortSignal | undefined,
): Promise<NameList> {
  const absolute = join(root, path);
  const names = new NameList();
  for await (const entry of await opendir(absolute, { bufferSize: 512 })) {
    signal?.throwIfAborted();
    const kind = kindOf(entry);
    if (kind === kinds.folder) {
      if (filter.wantsBelow(path + entry.name, entry.name, depth)) names.add(`${entry.name}/`, kind);
    } else if (kind === kinds.link) await addLink(names, absolute, path, entry.name, depth, filter);
    else if (filter.wantsFile(path + entry.name, entry.name)) names.add(entry.name, kind);
  }
  await names.sort();
  return names;
}

/** A link sorts and is filtered as what it leads to, so that has to be asked now. */
async function addLink(
  names: NameList,
  folder: string,
  path: string,
  name: string,
  depth: number,
  filter: PathFilter,
): Promise<void> {
  const wantsFile = filter.wantsFile(path + name, name);
  const wantsBelow = filter.wantsBelow(path + name, name, depth);
  if (!wantsFile && !wantsBelow) return;
  const target = await stat(join(folder, name)).catch(() => undefined);
  if (target?.isDirectory()) {
    // The name takes its `/` for sorting: `a/x` comes after `a.txt`.
    if (wantsBelow) names.add(`${name}/`, kinds.linkedFolder);
  } else if (wantsFile) names.add(name, kinds.link);
}

function kindOf(entry: Dirent): number {
  if (entry.isFile()) return kinds.file;
  if (entry.isDirectory()) return kinds.folder;
  return entry.isSymbolicLink() ? kinds.link : kinds.special;
}

function unusable(root: string, error: unknown): unknown {
  if (isErrno(error, 'ENOENT')) return new OffpeakError(`no such directory: ${root}`, { code: 'not_found' });
  if (isErrno(error, 'ENOTDIR')) {
    return new OffpeakError(`not a directory: ${root}; name single files as files`, { code: 'usage' });
  }
  if (isErrno(error)) {
    return new OffpeakError(`the directory ${root} cannot be read: ${errnoWords(error)}`, {
      code: 'usage',
      cause: error,
    });
  }
  return error;
}
