import { createCsvParser } from './csv-parser.ts';
import { readLines } from './read-lines.ts';
import { type Defaults, jobOfLine, jobOfRow, type ReadJob } from './row-to-job.ts';
import { turn } from './turn.ts';

export type FileFormat = 'jsonl' | 'csv';

export type NumberedJob = ReadJob & { line: number };

export interface Progress {
  bytes: number;
}

/** As much as one line may hold. */
const maxLineBytes = 16_000_000;
/** Browsers give files in pieces of up to some megabytes: too much for one turn. */
const pieceBytes = 65_536;
/** Longer work makes a page feel stuck. */
const turnMs = 12;

export const formatOf = (fileName: string): FileFormat => (/\.(csv|tsv)$/i.test(fileName) ? 'csv' : 'jsonl');

/** The jobs of a file with their lines, some at a time. The page gets its turn in between, however large the file is. */
export async function* readJobs(
  file: Pick<Blob, 'stream'>,
  format: FileFormat,
  defaults: Defaults,
  progress: Progress,
): AsyncGenerator<NumberedJob[]> {
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      progress.bytes += piece.length;
      for (let at = 0; at < piece.length; at += pieceBytes) controller.enqueue(piece.subarray(at, at + pieceBytes));
    },
  });
  const stream = file.stream().pipeThrough(counting);
  const rows = format === 'csv' ? readCsv(stream, defaults) : readJsonl(stream, defaults);
  let turnBegan = performance.now();
  for await (const jobs of rows) {
    if (jobs.length > 0) yield jobs;
    if (performance.now() - turnBegan > turnMs) {
      await turn();
      turnBegan = performance.now();
    }
  }
}

async function* readJsonl(stream: ReadableStream<Uint8Array>, defaults: Defaults): AsyncGenerator<NumberedJob[]> {
  for await (const lines of readLines(stream, maxLineBytes)) {
    const jobs: NumberedJob[] = [];
    for (const { number, text, error } of lines) {
      const json = number === 1 ? text.replace(/^\uFEFF/, '') : text;
      if (error !== undefined) jobs.push({ line: number, error });
      else if (json.trim() !== '') jobs.push({ line: number, ...jobOfLine(json, defaults) });
    }
    yield jobs;
  }
}

async function* readCsv(stream: ReadableStream<Uint8Array>, defaults: Defaults): AsyncGenerator<NumberedJob[]> {
  const parser = createCsvParser({ maxFieldCharacters: maxLineBytes });
  const decoder = new TextDecoder();
  let head: string[] | undefined;
  const jobsOf = (rows: ReturnType<typeof parser.push>): NumberedJob[] => {
    const jobs: NumberedJob[] = [];
    for (const { number, fields, error } of rows) {
      if (head === undefined) head = fields.map((name) => name.trim());
      else if (error !== undefined) jobs.push({ line: number, error });
      else jobs.push({ line: number, ...jobOfRow(head, fields, defaults) });
    }
    return jobs;
  };
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    yield jobsOf(parser.push(decoder.decode(value, { stream: true })));
  }
  yield jobsOf(parser.push(decoder.decode()));
  yield jobsOf(parser.end());
}
