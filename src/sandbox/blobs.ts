import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomHex } from './random.ts';

/** A file being written; nobody sees it before `keep`. */
export interface BlobWriter {
  readonly bytes: number;
  write(data: Buffer): Promise<void>;
  keep(name: string): Promise<void>;
  discard(): Promise<void>;
}

export interface Blobs {
  path(name: string): string;
  create(): Promise<BlobWriter>;
  remove(name: string): Promise<void>;
  removeAll(): void;
}

const ABANDONED_AFTER_MS = 3_600_000;

/** Large bytes as plain files beside the database, written under a temporary name and renamed when whole. */
export function createBlobs(stateDir: string): Blobs {
  const folder = join(stateDir, 'blobs');
  const temporary = join(stateDir, 'unfinished');
  mkdirSync(folder, { recursive: true });
  mkdirSync(temporary, { recursive: true });
  removeAbandoned(temporary);
  const path = (name: string): string => join(folder, name);
  return {
    path,
    async create() {
      const name = join(temporary, randomHex(12));
      const handle = await open(name, 'wx');
      return blobWriter(handle, name, path);
    },
    remove: (name) => rm(path(name), { force: true }),
    removeAll() {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    },
  };
}

function blobWriter(handle: FileHandle, temporaryName: string, path: (name: string) => string): BlobWriter {
  let bytes = 0;
  let open = true;
  const close = async (): Promise<void> => {
    if (open) {
      open = false;
      await handle.close();
    }
  };
  return {
    get bytes() {
      return bytes;
    },
    async write(data) {
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await handle.write(data, done, data.length - done);
        done += bytesWritten;
      }
      bytes += data.length;
    },
    async keep(name) {
      await close();
      await rename(temporaryName, path(name));
    },
    async discard() {
      await close();
      await rm(temporaryName, { force: true });
    },
  };
}

/** A killed process leaves its temporary files; another living one may be writing its own right now. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > ABANDONED_AFTER_MS) rmSync(file, { force: true });
  }
}
