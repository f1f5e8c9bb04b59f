import type { QueueRequest } from '../../../src/service/contract/queue.ts';
import { jobTypes } from '../words.ts';

/** For what a line does not say itself. */
export interface Defaults {
  jobType: string;
  provider: string;
  priority: number;
}

export type JobBody = Omit<QueueRequest, 'job_type'> & { job_type: string };
export type ReadJob = { job: JobBody } | { error: string };

const ownFields = ['job_type', 'provider', 'data', 'priority', 'callback_url'];

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A line of JSONL: the body of `POST /batch/queue`, or the `data` of one alone. */
export function jobOfLine(text: string, defaults: Defaults): ReadJob {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { error: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!isObject(value)) return { error: 'must be a JSON object' };
  if (!('data' in value) || !isObject(value.data)) return jobOf({ data: value }, defaults);
  const unknown = Object.keys(value).find((key) => !ownFields.includes(key));
  if (unknown !== undefined) return { error: `unknown field ${JSON.stringify(unknown)}` };
  return jobOf(value, defaults);
}

/** A row of CSV: `prompt` and `system` become messages, numbers and lists are read as such, the rest is the caller's data. */
export function jobOfRow(head: readonly string[], fields: readonly string[], defaults: Defaults): ReadJob {
  if (fields.length !== head.length) return { error: `has ${fields.length} fields, the first line has ${head.length}` };
  const outer: Record<string, unknown> = {};
  const data: Record<string, unknown> = {};
  for (const [index, name] of head.entries()) {
    const text = fields[index] ?? '';
    if (text === '' || name === '') continue;
    if (name === 'priority') outer.priority = Number(text);
    else if (name === 'job_type' || name === 'provider' || name === 'callback_url') outer[name] = text;
    else data[name] = numberFields.includes(name) ? Number(text) : jsonFields.includes(name) ? jsonOr(text) : text;
  }
  const { prompt, system, ...rest } = data;
  if (prompt === undefined) return jobOf({ ...outer, data }, defaults);
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt },
  ];
  return jobOf({ ...outer, data: { ...rest, messages } }, defaults);
}

const numberFields: readonly string[] = ['temperature', 'max_tokens', 'dimensions', 'index'];
const jsonFields: readonly string[] = ['messages', 'input'];

function jsonOr(text: string): unknown {
  if (!text.startsWith('[')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What is plainly wrong is said here, before anything is sent; the server has the last word. */
function jobOf(value: Json, defaults: Defaults): ReadJob {
  const { job_type = defaults.jobType, provider = defaults.provider, priority = defaults.priority, data } = value;
  if (typeof job_type !== 'string' || !jobTypes.includes(job_type)) {
    return { error: `job_type must be one of ${jobTypes.join(', ')}` };
  }
  if (typeof provider !== 'string' || provider === '') return { error: 'provider is missing' };
  if (typeof priority !== 'number' || !Number.isInteger(priority) || priority < 1 || priority > 10) {
    return { error: 'priority must be a whole number from 1 to 10' };
  }
  if (!isObject(data) || Object.keys(data).length === 0) return { error: 'data is empty' };
  const { callback_url } = value;
  if (callback_url !== undefined && typeof callback_url !== 'string') return { error: 'callback_url must be a URL' };
  return { job: { job_type, provider, priority, data, ...(callback_url !== undefined && { callback_url }) } };
}
