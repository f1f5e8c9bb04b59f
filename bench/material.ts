import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const model = 'gpt-5-mini';

const words =
  'batch provider window request answer price half night queue worker lease store result folder prompt file ' +
  'token budget cost model';
const vocabulary = words.split(' ');

/** Text that no other `seed` gives, of exactly `bytes` ASCII characters. */
export function textOf(seed: number, bytes: number): string {
  let text = `item ${seed}:`;
  let state = seed * 2_654_435_761 + 1;
  while (text.length < bytes) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += ` ${vocabulary[state % vocabulary.length]}`;
  }
  return text.slice(0, bytes);
}

/** A request body of exactly `bytes`. */
export function bodyOf(seed: number, bytes: number): string {
  const build = (content: string) => JSON.stringify({ model, messages: [{ role: 'user', content }] });
  return build(textOf(seed, bytes - build('').length));
}

/** `jobs` lines of OpenAI's batch format, each with a body of `bodyBytes`; made once per work folder. */
export function jsonlFile(work: string, jobs: number, bodyBytes: number): string {
  const path = join(work, `${jobs}-of-${bodyBytes}.jsonl`);
  if (existsSync(path)) return path;
  const fd = openSync(path, 'w');
  let lines = '';
  for (let job = 1; job <= jobs; job++) {
    const id = `job-${String(job).padStart(7, '0')}`;
    lines += `{"custom_id":"${id}","method":"POST","url":"/v1/chat/completions","body":${bodyOf(job, bodyBytes)}}\n`;
    if (lines.length > 1e6 || job === jobs) {
      writeSync(fd, lines);
      lines = '';
    }
  }
  closeSync(fd);
  return path;
}

/** A folder of `count` text files of `bytes` each. */
export function textFolder(work: string, count: number, bytes: number): string {
  const path = join(work, `folder-${count}-of-${bytes}`);
  if (existsSync(path)) return path;
  mkdirSync(path);
  for (let file = 1; file <= count; file++) {
    writeFileSync(join(path, `note-${String(file).padStart(6, '0')}.txt`), textOf(file, bytes));
  }
  return path;
}
