import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { OffpeakError } from '../errors.ts';
import { type RunMode, runModes } from '../run.ts';
import { formatOf, type SinkFormat, sinkFormats } from '../sinks/sinks.ts';
import type { Config } from './config.ts';
import type { GlobalFlags } from './context.ts';

/** Flags of `offpeak run` as commander gives them: texts, lists and switches. */
export interface RunFlags extends GlobalFlags {
  files?: string[];
  pattern?: string[];
  recursive?: boolean;
  exclude?: string[];
  hidden?: boolean;
  minSize?: string;
  maxSize?: string;
  newerThan?: string;
  olderThan?: string;
  limit?: string;
  maxFileSize?: string;
  maxImageSize?: string;
  vision?: boolean;
  prompt?: string;
  promptFile?: string;
  system?: string;
  model?: string;
  schema?: string;
  maxTokens?: string;
  temperature?: string;
  mode?: string;
  priority?: string;
  name?: string;
  deadline?: string;
  budget?: string;
  primeCache?: boolean;
  retries?: string;
  concurrency?: string;
  timeout?: string;
  output?: string;
  format?: string;
  wait: boolean;
  dryRun?: boolean;
  fresh?: boolean;
  json?: boolean;
}

/** What can be told before anything is opened. */
export function checkTarget(target: string | undefined, flags: RunFlags): void {
  if (target === undefined && !flags.files) {
    throw usage(
      'Name a folder (`offpeak run ./documents`), files (`--files a.txt b.txt`) or a JSONL file of requests.',
    );
  }
  if (target !== undefined && flags.files) throw usage('Give a folder or --files, not both.');
  if (promptOf(flags) === undefined && !(target !== undefined && isJsonl(target))) {
    throw usage('Say what to do with each file: --prompt "Summarize this document".');
  }
}

/** The source's description for the arguments: a folder, a list of files, or a JSONL file of requests. */
export function sourceOptions(target: string | undefined, flags: RunFlags, config: Config, model: string) {
  if (target !== undefined && isJsonl(target)) {
    return { type: 'jsonl', path: resolve(target), model };
  }
  const single = target !== undefined && statSync(target, { throwIfNoEntry: false })?.isFile() === true;
  return {
    type: 'files',
    ...(single
      ? { files: [target] }
      : { ...present('directory', target && resolve(target)), ...present('files', flags.files) }),
    pattern: flags.pattern ?? config.text('batch.default_pattern') ?? '*',
    ...present('recursive', flags.recursive),
    ...present('exclude', flags.exclude),
    ...present('hidden', flags.hidden),
    ...present('vision', flags.vision),
    ...present('minBytes', flags.minSize && parseSize('--min-size', flags.minSize)),
    ...present('maxBytes', flags.maxSize && parseSize('--max-size', flags.maxSize)),
    ...present('modifiedAfter', flags.newerThan),
    ...present('modifiedBefore', flags.olderThan),
    ...present('limit', flags.limit && parseWhole('--limit', flags.limit)),
    maxTextBytes: sizeOr('--max-file-size', flags.maxFileSize, config.number('batch.max_file_size')),
    maxImageBytes: sizeOr('--max-image-size', flags.maxImageSize, config.number('batch.max_image_size')),
  };
}

/** Flags that say what stands in a request. */
const requestFlags = [
  ['--prompt', 'prompt'],
  ['--prompt-file', 'promptFile'],
  ['--system', 'system'],
  ['--max-tokens', 'maxTokens'],
  ['--temperature', 'temperature'],
  ['--schema', 'schema'],
] as const;

/** The recipe's description: one prompt over everything, or the requests as they are. */
export function recipeOptions(sourceType: string, flags: RunFlags, model: string) {
  const prompt = promptOf(flags);
  if (sourceType === 'jsonl') {
    const given = requestFlags.filter(([, key]) => flags[key] !== undefined).map(([flag]) => flag);
    if (given.length > 0) throw usage(`A JSONL file holds whole requests; ${given.join(', ')} can only go with files.`);
    return { type: 'requests', version: 1 };
  }
  return {
    type: 'prompt',
    version: 1,
    model,
    prompt: prompt ?? '',
    ...present('system', flags.system),
    ...present('maxTokens', flags.maxTokens && parseWhole('--max-tokens', flags.maxTokens)),
    ...present('temperature', flags.temperature && parseNumber('--temperature', flags.temperature, 0, 2)),
    ...present('schema', flags.schema && readJsonObject('--schema', flags.schema)),
    ...present('shared', flags.primeCache),
  };
}

/** How the run is to go on: checked numbers, defaults from the configuration. */
export function runOptions(flags: RunFlags, config: Config) {
  const mode = flags.mode ?? 'auto';
  if (mode === 'batch' && flags.deadline !== undefined) {
    throw usage('--deadline sends in realtime what a batch would bring too late; it cannot go with --mode batch.');
  }
  if (!isMode(mode)) throw usage(`--mode must be one of ${runModes.join(', ')}, not ${mode}.`);
  const seconds = flags.timeout
    ? parseNumber('--timeout', flags.timeout, 0.001, 86_400)
    : config.number('batch.timeout_per_file');
  return {
    mode,
    priority: flags.priority ? parseWhole('--priority', flags.priority, 1, 10) : 5,
    maxAttempts: flags.retries ? parseWhole('--retries', flags.retries, 1, 100) : config.number('batch.retry_attempts'),
    concurrency: flags.concurrency
      ? parseWhole('--concurrency', flags.concurrency, 1, 1000)
      : config.number('batch.max_concurrent'),
    timeoutMs: Math.round(seconds * 1000),
    fresh: flags.fresh ?? false,
    primeCache: flags.primeCache ?? false,
    ...present('name', flags.name),
    ...limitOptions(flags),
  };
}

/** What a person may also change on the way: the deadline and the budget. */
export function limitOptions(flags: { deadline?: string; budget?: string }, now = Date.now()) {
  return {
    ...present('deadlineAt', flags.deadline && parseDeadline(flags.deadline, now)),
    ...present(
      'budgetNanoUsd',
      flags.budget && Math.round(parseNumber('--budget', flags.budget, 0.000_001, 1e6) * 1e9),
    ),
  };
}

const hourMs = 3_600_000;
const durationMs: Readonly<Record<string, number>> = { m: 60_000, h: hourMs, d: 24 * hourMs };

/** `90m`, `6h`, `2d` from now, or a moment such as `2026-12-01T08:00Z`; milliseconds since 1970. */
export function parseDeadline(text: string, now: number): number {
  const span = /^(\d+(?:\.\d+)?)\s*([mhd])$/.exec(text.trim());
  const moment = span
    ? now + Number(span[1]) * (durationMs[span[2] ?? ''] ?? 0)
    : /^\d{4}-\d{2}-\d{2}/.test(text)
      ? // A day alone would be read as UTC, a day with a time as local: both are meant where the user is.
        Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text)
      : Number.NaN;
  if (Number.isNaN(moment)) {
    throw usage(`--deadline must be a time such as 90m, 6h or 2026-12-01T08:00Z, not ${text}.`);
  }
  if (moment <= now) throw usage(`--deadline ${text} has passed already.`);
  return Math.round(moment);
}

/** `--format`, else by the extension of `--output`; JSON on stdout and for names without one. */
export function formatFor(output: string | undefined, format: string | undefined): SinkFormat {
  const known = sinkFormats.find((candidate) => candidate === (format === 'md' ? 'markdown' : format));
  if (format !== undefined && !known) throw usage(`--format must be one of ${sinkFormats.join(', ')}, not ${format}.`);
  const byName = output === undefined || !/[^/.]\.[^/.]+$/.test(output) ? 'json' : formatOf(output);
  if (!known && !byName)
    throw usage(`The format of ${output} is not clear from its name: add --format json, csv, markdown or jsonl.`);
  return known ?? byName ?? 'json';
}

function promptOf(flags: RunFlags): string | undefined {
  if (flags.prompt !== undefined && flags.promptFile !== undefined) {
    throw usage('Give --prompt or --prompt-file, not both.');
  }
  return flags.promptFile === undefined ? flags.prompt : readText('--prompt-file', flags.promptFile);
}

function isMode(mode: string): mode is RunMode {
  return runModes.some((known) => known === mode);
}

/** A file of requests; a folder that is called so is a folder. */
function isJsonl(target: string): boolean {
  return /\.(jsonl|ndjson)$/i.test(target) && statSync(target, { throwIfNoEntry: false })?.isDirectory() !== true;
}

function readJsonObject(flag: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readText(flag, path));
  } catch (error) {
    if (error instanceof OffpeakError) throw error;
    throw usage(`${flag} ${path} is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw usage(`${flag} ${path} must hold a JSON object.`);
}

function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(`${flag} ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  gib: 1024 ** 3,
};

/** `500`, `200k`, `5MB`, `1.5 MiB`: bytes; a unit is 1024 of the one below. */
export function parseSize(flag: string, text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match ? units[(match[2] ?? '').toLowerCase()] : undefined;
  if (!match || unit === undefined) throw usage(`${flag} must be a size such as 500, 200k or 5MB, not ${text}.`);
  return Math.round(Number(match[1]) * unit);
}

function sizeOr(flag: string, text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : parseSize(flag, text);
}

export function parseWhole(flag: string, text: string, least = 1, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw usage(`${flag} must be a whole number ${range}, not ${text}.`);
}

function parseNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw usage(`${flag} must be a number from ${least} to ${most}, not ${text}.`);
}

function usage(message: string): OffpeakError {
  return new OffpeakError(message, { code: 'usage' });
}

function present<K extends string, V>(key: K, value: V | undefined | ''): { [P in K]?: V } {
  return value === undefined || value === '' ? {} : ({ [key]: value } as { [P in K]?: V });
}
