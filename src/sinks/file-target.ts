import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, OffpeakError } from '../errors.ts';
import { collectChunks, type TextTarget } from './text-target.ts';

/** `mode`: of the file that will be replaced. `direct`: a pipe or device, which must be written to, never replaced. */
interface Place {
  path: string;
  direct: boolean;
  mode?: number;
}

/**
 * Says, before anything is paid for, that a result file could not be written: the folder is missing, the name is a
 * folder's, there is no right to write. Throws `not_found` or `usage`.
 */
export async function checkFileTarget(path: string): Promise<void> {
  await findPlace(path);
}

/**
 * Writes to a hidden file in the same folder and renames it on `end`, so that nobody ever sees half a result at the
 * final name and a file already there stays whole until it is replaced. Pipes and devices (`/dev/stdout`) are written
 * to directly: a rename would replace the device itself.
 */
export function createFileTarget(path: string): TextTarget {
  let opened: { handle: FileHandle; place: Place; partialPath: string } | undefined;

  const openFile = async () => {
    const place = await findPlace(path);
    const partialPath = place.direct ? place.path : partialPathOf(place.path);
    const handle = await open(partialPath, place.direct ? 'w' : 'wx').catch((error) => {
      throw failure(path, error);
    });
    opened = { handle, place, partialPath };
    return opened;
  };
  const chunks = collectChunks(async (chunk) => {
    const { handle } = opened ?? (await openFile());
    await handle.writeFile(chunk, 'utf8');
  });
  const guarded = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (error) {
      throw failure(path, error);
    }
  };

  return {
    write: (text) =>
      guarded(async () => {
        // At the first write, not at the first full chunk: what cannot be opened is known at once.
        if (!opened) await openFile();
        await chunks.add(text);
      }),
    end: () =>
      guarded(async () => {
        const { handle, place, partialPath } = opened ?? (await openFile());
        await chunks.flush();
        if (place.mode !== undefined) await handle.chmod(place.mode);
        if (!place.direct) await handle.sync();
        await handle.close();
        if (!place.direct) await moveIntoPlace(partialPath, place.path);
        opened = undefined;
      }),
    async abort() {
      chunks.clear();
      const left = opened;
      opened = undefined;
      await left?.handle.close().catch(() => {});
      if (left && !left.place.direct) await rm(left.partialPath, { force: true }).catch(() => {});
    },
  };
}

async function findPlace(path: string): Promise<Place> {
  try {
    const existing = await stat(path).catch((error) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (!existing) {
      await checkFolder(path, dirname(path));
      return { path, direct: false };
    }
    return await placeOf(path, existing);
  } catch (error) {
    throw failure(path, error);
  }
}

async function placeOf(path: string, existing: Stats): Promise<Place> {
  if (existing.isDirectory()) {
    throw new OffpeakError(`Cannot write results to ${path}: it is a folder. Name a file in it.`, { code: 'usage' });
  }
  await access(path, constants.W_OK);
  if (!existing.isFile()) return { path, direct: true };
  // A link stays a link: the file it points to is the one replaced.
  const real = await realpath(path);
  await checkFolder(path, dirname(real));
  return { path: real, direct: false, mode: existing.mode & 0o777 };
}

async function checkFolder(path: string, folder: string): Promise<void> {
  const found = await stat(folder).catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!found?.isDirectory()) {
    throw new OffpeakError(
      `Cannot write results to ${path}: the folder ${folder} does not exist. Create it, or name another file.`,
      { code: 'not_found' },
    );
  }
  await access(folder, constants.W_OK | constants.X_OK);
}

/** Hidden, beside the target (a rename works only inside one file system), and within the 255 bytes of a name. */
function partialPathOf(path: string): string {
  const name = basename(path).slice(0, 60);
  return join(dirname(path), `.${name}.${randomBytes(6).toString('hex')}.partial`);
}

async function moveIntoPlace(from: string, to: string): Promise<void> {
  await rename(from, to);
  // The new name itself is durable only when the folder is synced; Windows cannot open folders and needs no such step.
  const folder = await open(dirname(to), 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function failure(path: string, error: unknown): OffpeakError {
  if (error instanceof OffpeakError) return error;
  const start = `Cannot write results to ${path}`;
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new OffpeakError(`${start}: the disk is full. Free some space, or name a file on another disk.`, {
        code: 'store_full',
        retryable: true,
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new OffpeakError(`${start}: no right to write there. Change the rights, or name another file.`, {
        code: 'usage',
        cause: error,
      });
    case 'ENOTDIR':
      return new OffpeakError(`${start}: a part of the path is a file, not a folder. Name another file.`, {
        code: 'not_found',
        cause: error,
      });
    default:
      return new OffpeakError(`${start}: ${messageOf(error)}. Name another file, or try again.`, {
        code: 'internal',
        cause: error,
      });
  }
}
