import { statfs } from 'node:fs/promises';
import { percentOf } from '../views/figures.ts';
import type { Check } from './check.ts';

export interface DiskSpace {
  freeBytes: number;
  totalBytes: number;
}

/** Of the disk that holds a folder: what a user who is not root may still fill. */
export async function diskSpaceOf(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The store's disk is nearly full: when it is, nothing can be queued or booked. */
export function diskCheck(diskSpace: () => Promise<DiskSpace>): Check {
  return {
    name: 'disk',
    alerts: ['disk_nearly_full'],
    async find({ settings }) {
      const limit = settings.alerts.disk_free_percent;
      const { freeBytes, totalBytes } = await diskSpace();
      const percent = percentOf(freeBytes, totalBytes);
      if (totalBytes === 0 || percent >= limit) return [];
      return [
        {
          name: 'disk_nearly_full',
          subject: '',
          severity: 'critical',
          title: `The disk of the store has ${percent} % left`,
          message: `${Math.floor(freeBytes / 1e6)} MB of ${Math.floor(totalBytes / 1e6)} MB are free; the limit is ${limit} %. When it is full, no job is taken and no result is stored; what is stored is kept.`,
        },
      ];
    },
  };
}
