import { totalOf } from '../job.ts';
import type { Run } from '../run.ts';
import type { ResultRow, Sink } from '../sink.ts';
import { errorOf, hasSchema, resultJson, roundSeconds, runSeconds, statusOf } from './row-fields.ts';
import type { TextTarget } from './text-target.ts';

export interface JsonSinkOptions {
  /** For the processing time of a run that has not ended. */
  now?: () => number;
}

/**
 * One JSON document: `batch_id`, `created_at`, `parameters`, `summary`, then `results` as a list. The summary comes
 * first because the results are written one by one, as they come.
 */
export function createJsonSink(target: TextTarget, { now = Date.now }: JsonSinkOptions = {}): Sink {
  let schema = false;
  let rows = 0;
  return {
    async begin(run) {
      schema = hasSchema(run);
      const head = JSON.stringify(headOf(run, now), null, 2);
      await target.write(`${head.slice(0, -'\n}'.length)},\n  "results": [`);
    },
    async write(row) {
      await target.write(`${rows++ === 0 ? '' : ','}\n    ${rowJson(row, schema)}`);
    },
    async end() {
      await target.write(rows === 0 ? ']\n}\n' : '\n  ]\n}\n');
      await target.end();
    },
    abort: () => target.abort(),
  };
}

function headOf(run: Run, now: () => number): Record<string, unknown> {
  const { succeeded, failed, skipped, cancelled } = run.counts;
  const total = totalOf(run.counts);
  const pending = total - succeeded - failed - skipped - cancelled;
  return {
    batch_id: run.id,
    created_at: new Date(run.createdAt).toISOString(),
    ...(run.simulated && { simulated: true }),
    parameters: parametersOf(run),
    summary: {
      total,
      successful: succeeded,
      failed,
      ...(skipped > 0 && { skipped }),
      ...(cancelled > 0 && { cancelled }),
      ...(pending > 0 && { pending }),
      processing_time: runSeconds(run, now),
    },
  };
}

/** `prompt`, `model` and `directory` lead, as readers of the format know them; the rest of the descriptions follows. */
function parametersOf(run: Run): Record<string, unknown> {
  const { type: recipe, prompt, ...recipeRest } = run.recipe;
  const { type: source, directory, ...sourceRest } = run.source;
  const own = { prompt, model: run.model, directory, provider: run.provider, mode: run.mode, recipe, source };
  return { ...own, ...recipeRest, ...sourceRest, ...own };
}

function rowJson(row: ResultRow, schema: boolean): string {
  const error = errorOf(row);
  const fields = [
    `"file": ${JSON.stringify(row.key)}`,
    `"status": "${statusOf(row)}"`,
    `"result": ${resultJson(row, schema)}`,
    `"processing_time": ${roundSeconds(row.seconds)}`,
  ];
  if (error !== undefined) fields.push(`"error": ${JSON.stringify(error)}`);
  return `{\n      ${fields.join(',\n      ')}\n    }`;
}
