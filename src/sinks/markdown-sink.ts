import { totalOf } from '../job.ts';
import type { Run } from '../run.ts';
import type { ResultRow, Sink } from '../sink.ts';
import { errorOf, runSeconds } from './row-fields.ts';
import type { TextTarget } from './text-target.ts';

export interface MarkdownSinkOptions {
  /** For the processing time of a run that has not ended. */
  now?: () => number;
}

/** A report for people: a head with the counts, then every answer in full under its file's name. */
export function createMarkdownSink(target: TextTarget, { now = Date.now }: MarkdownSinkOptions = {}): Sink {
  return {
    begin: (run) => target.write(headOf(run, now)),
    write: (row) => target.write(`\n### ${signs[row.state]} ${inlineText(row.key)}\n\n${bodyOf(row)}\n`),
    end: () => target.end(),
    abort: () => target.abort(),
  };
}

const signs: Readonly<Record<ResultRow['state'], string>> = {
  succeeded: '✅',
  failed: '❌',
  skipped: '⏭️',
  cancelled: '🚫',
  pending: '⏳',
};

function headOf(run: Run, now: () => number): string {
  const { succeeded, failed, skipped, cancelled } = run.counts;
  const total = totalOf(run.counts);
  const pending = total - succeeded - failed - skipped - cancelled;
  const parts = [`${succeeded} successful`, `${failed} failed`];
  if (skipped > 0) parts.push(`${skipped} skipped`);
  if (cancelled > 0) parts.push(`${cancelled} cancelled`);
  if (pending > 0) parts.push(`${pending} pending`);
  return [
    `# ${run.name === undefined ? 'Batch results' : inlineText(run.name)}\n`,
    ...(run.simulated ? ['**Simulated: the answers below are made up, no model was asked.**\n'] : []),
    `- **Batch ID:** ${inlineText(run.id)}`,
    `- **Date:** ${new Date(run.createdAt).toISOString()}`,
    `- **Total Files:** ${total} (${parts.join(', ')})`,
    `- **Processing Time:** ${durationText(runSeconds(run, now))}\n`,
    '## Results\n',
  ].join('\n');
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function bodyOf(row: ResultRow): string {
  if (row.state === 'pending') return '_No result yet._';
  if (row.state !== 'succeeded') return `Error: ${inlineText(errorOf(row) ?? row.state)}`;
  if (row.output === undefined || row.output.trim() === '') return '_The answer is empty._';
  return reachesOutside.test(row.output) ? fenced(row.output) : quoted(row.output);
}

/**
 * What works beyond the block it stands in: raw HTML, images (a viewer loads them at once, and so tells a stranger
 * that the report was read), link and footnote definitions (they hold for the whole document).
 */
const reachesOutside = /<[A-Za-z/!?]|!\[|\]:/;

/**
 * The usual form. Answers are mostly Markdown themselves: a quotation is rendered and wraps, while its headings, rules
 * and unclosed fences stay inside it; nothing can leave, because every line has the mark.
 */
function quoted(text: string): string {
  return text
    .trimEnd()
    .split(/\r\n|\r|\n/)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

/** For what would reach outside: shown as it is, in a fence longer than any in the text. */
function fenced(text: string): string {
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text.trimEnd()}\n${fence}`;
}

/** One line that renders as the text it is; usual file names (`notes_2026.md`) need and get no backslash. */
function inlineText(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, codePointText)
    .replace(/[\\`*[\]<>&~$#|!]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_');
}

function codePointText(character: string): string {
  return `(U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')})`;
}
