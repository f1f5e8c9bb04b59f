import { expect, test } from 'vitest';
import { formatOf, type NumberedJob, readJobs } from './read-jobs.ts';

const defaults = { jobType: 'creative_scoring', provider: 'openai', priority: 5 };

/** A file that the browser gives in one piece. */
function fileOf(text: string) {
  const bytes = new TextEncoder().encode(text);
  return {
    stream: () =>
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        start(controller) {
          controller.enqueue(bytes);
          controller.close();
        },
      }),
  };
}

async function read(text: string, format: 'jsonl' | 'csv'): Promise<NumberedJob[][]> {
  const batches: NumberedJob[][] = [];
  const progress = { bytes: 0 };
  for await (const jobs of readJobs(fileOf(text), format, defaults, progress)) batches.push(jobs);
  expect(progress.bytes).toBe(new TextEncoder().encode(text).length);
  return batches;
}

test('a large piece is read in parts, so that the page gets its turn in between', async () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, index) => `{"creative_id":"ad-${index}","script":"${'x'.repeat(80)}"}`,
  );
  const batches = await read(lines.join('\n'), 'jsonl');
  expect(batches.flat()).toHaveLength(20_000);
  expect(Math.max(...batches.map((jobs) => jobs.length))).toBeLessThan(1000);
  expect(batches.flat().every((job, index) => 'job' in job && job.line === index + 1)).toBe(true);
});

test('blank lines are none, the mark of the byte order is no fault', async () => {
  const [jobs = []] = await read('\uFEFF{"a":1}\r\n\r\n  \n{"a":2}\n', 'jsonl');
  expect(jobs.map(({ line }) => line)).toEqual([1, 4]);
  expect(jobs.every((job) => 'job' in job)).toBe(true);
});

test('CSV rows have the names of the first line', async () => {
  const jobs = (await read('creative_id, script\nad-1,"a,b"\n', 'csv')).flat();
  expect(jobs).toEqual([{ line: 2, job: expect.objectContaining({ data: { creative_id: 'ad-1', script: 'a,b' } }) }]);
});

test('the format is told by the name', () => {
  expect(['a.csv', 'A.CSV', 'a.tsv', 'a.jsonl', 'a.json', 'a'].map(formatOf)).toEqual([
    'csv',
    'csv',
    'csv',
    'jsonl',
    'jsonl',
    'jsonl',
  ]);
});
