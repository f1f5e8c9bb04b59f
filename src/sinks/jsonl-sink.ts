import type { ResultRow, Sink } from '../sink.ts';
import { embeddableJson, errorOf, exactUsd, hasSchema, resultJson, roundSeconds, statusOf } from './row-fields.ts';
import type { TextTarget } from './text-target.ts';

/** One JSON object a line, with everything that is known about the job: the format for programs. */
export function createJsonlSink(target: TextTarget): Sink {
  let schema = false;
  return {
    async begin(run) {
      schema = hasSchema(run);
      // An empty run is an empty file, but it is a file.
      await target.write('');
    },
    write: (row) => target.write(`${rowLine(row, schema)}\n`),
    end: () => target.end(),
    abort: () => target.abort(),
  };
}

function rowLine(row: ResultRow, schema: boolean): string {
  const fields: string[] = [];
  const add = (name: string, json: string | undefined) => {
    if (json !== undefined) fields.push(`"${name}":${json}`);
  };
  add('file', JSON.stringify(row.key));
  add('status', `"${statusOf(row)}"`);
  add('result', resultJson(row, schema));
  add('processing_time', String(roundSeconds(row.seconds)));
  add('error', quoted(errorOf(row)));
  add('error_code', quoted(row.errorCode));
  add('job', String(row.job));
  add('attempts', String(row.attempts));
  add('finish_reason', quoted(row.finishReason));
  add('usage', usageJson(row));
  add('cost_usd', row.costNanoUsd === undefined ? undefined : exactUsd(row.costNanoUsd));
  if (row.reused) add('reused', 'true');
  // A body that is not JSON after all (a proxy's HTML page) is kept as a string: the line must stay one line of JSON.
  if (row.response !== undefined) add('response', embeddableJson(row.response) ?? JSON.stringify(row.response));
  return `{${fields.join(',')}}`;
}

function quoted(text: string | undefined): string | undefined {
  return text === undefined ? undefined : JSON.stringify(text);
}

function usageJson(row: ResultRow): string | undefined {
  if (row.inputTokens === undefined && row.outputTokens === undefined) return undefined;
  return JSON.stringify({
    input_tokens: row.inputTokens ?? 0,
    output_tokens: row.outputTokens ?? 0,
    cached_tokens: row.cachedTokens,
  });
}
