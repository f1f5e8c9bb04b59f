import { callJson, problemOf, randomKey } from '../api.ts';
import { type FileFormat, type NumberedJob, readJobs } from './read-jobs.ts';
import type { Defaults, JobBody } from './row-to-job.ts';

export interface LineError {
  line: number;
  message: string;
}

export interface UploadState {
  bytes: number;
  queued: number;
  /** Lines that were not queued. */
  refused: number;
  /** The first of them. */
  errors: readonly LineError[];
}

/** Of one call. */
const mostJobs = 1000;
const mostBytes = 4_000_000;
export const mostErrors = 500;
const tries = 6;

interface BulkAnswer {
  successful: number;
  failed: number;
  errors: { index: number; detail: string }[];
}

/** Looks at a whole file, and sends nothing. */
export async function checkFile(
  file: Pick<Blob, 'stream'>,
  format: FileFormat,
  defaults: Defaults,
  options: { signal: AbortSignal; onProgress(state: UploadState): void },
): Promise<UploadState & { sample: JobBody[] }> {
  const count = createCount();
  const sample: JobBody[] = [];
  for await (const jobs of readJobs(file, format, defaults, count)) {
    if (options.signal.aborted) break;
    for (const read of jobs) {
      if ('error' in read) count.refuse(read.line, read.error);
      else {
        count.queued += 1;
        if (sample.length < 3) sample.push(read.job);
      }
    }
    options.onProgress(count.state());
  }
  return { ...count.state(), sample };
}

/**
 * Queues the jobs of a file, at most a thousand in a call, one call at a time. A call whose answer was lost is repeated
 * under its idempotency key, so nothing is queued twice. Throws what stops it; what was queued until then stays queued.
 */
export async function sendFile(
  file: Pick<Blob, 'stream'>,
  format: FileFormat,
  defaults: Defaults,
  options: { signal: AbortSignal; onProgress(state: UploadState): void },
): Promise<UploadState> {
  const count = createCount();
  const key = randomKey();
  let chunk: NumberedJob[] = [];
  let chunkBytes = 0;
  let chunkNumber = 0;

  const send = async () => {
    const jobs = chunk.flatMap((read) => ('job' in read ? [read] : []));
    chunk = [];
    chunkBytes = 0;
    chunkNumber += 1;
    const body = jobs.map(({ job }) => job);
    const answer = await sendChunk(body, `${key}-${chunkNumber}`, options.signal);
    count.queued += answer.successful;
    for (const { index, detail } of answer.errors) count.refuse(jobs[index]?.line ?? 0, detail);
    options.onProgress(count.state());
  };

  for await (const jobs of readJobs(file, format, defaults, count)) {
    for (const read of jobs) {
      if (options.signal.aborted) return count.state();
      if ('error' in read) {
        count.refuse(read.line, read.error);
        continue;
      }
      chunk.push(read);
      chunkBytes += sizeOf(read.job.data);
      if (chunk.length >= mostJobs || chunkBytes >= mostBytes) await send();
    }
  }
  if (chunk.length > 0 && !options.signal.aborted) await send();
  return count.state();
}

/** Roughly: in characters, which is what counts for keeping a call small. */
function sizeOf(data: JobBody['data']): number {
  return JSON.stringify(data).length;
}

async function sendChunk(body: readonly JobBody[], idempotencyKey: string, signal: AbortSignal): Promise<BulkAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await callJson<BulkAnswer>('/batch/queue/bulk', { method: 'POST', body, idempotencyKey, signal });
    } catch (error) {
      const { status } = problemOf(error);
      const isPassing = status === 0 || status === 429 || status >= 500;
      if (signal.aborted || !isPassing || attempt >= tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** attempt, 15_000)));
    }
  }
}

function createCount() {
  const errors: LineError[] = [];
  let refused = 0;
  return {
    bytes: 0,
    queued: 0,
    refuse(line: number, message: string) {
      refused += 1;
      if (errors.length < mostErrors) errors.push({ line, message });
    },
    state(): UploadState {
      return { bytes: this.bytes, queued: this.queued, refused, errors: [...errors] };
    },
  };
}
