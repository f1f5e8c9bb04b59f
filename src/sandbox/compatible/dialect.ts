import type { BatchDialect, BatchRun } from '../batches/dialect.ts';
import { isObject, parseJson } from '../json.ts';
import { openAiDialect } from '../openai/dialect.ts';
import type { SandboxState } from '../state.ts';
import type { CompatibleBatch, CompatibleDetails } from './batch-details.ts';
import type { CompatibleBatches } from './servers.ts';

/** OpenAI's batches with the lines of another server. */
export function compatibleDialect(provider: string, batch: CompatibleBatches): BatchDialect<CompatibleDetails> {
  return {
    ...openAiDialect,
    provider,
    begin: (state, record) => beginRun(state, record, batch),
  };
}

function beginRun(state: SandboxState, record: CompatibleBatch, batch: CompatibleBatches): BatchRun {
  const run = openAiDialect.begin(state, record);
  if (batch.linesNameUrl) return run;
  return {
    get blob() {
      return run.blob;
    },
    get errors() {
      return run.errors;
    },
    get model() {
      return run.model;
    },
    get full() {
      return run.full;
    },
    read: (line) => run.read(fullLine(line, record.details)),
    answer: (row, context) => run.answer(row, context),
    finish: () => run.finish(),
  };
}

/** The line as OpenAI would have it; one that says more than id and body is left as broken as it is here. */
function fullLine(line: Buffer, { endpoint, jobModel }: CompatibleDetails): Buffer {
  const value = parseJson(line.toString('utf8'));
  if (!isObject(value)) return line;
  const { custom_id, body, ...more } = value;
  if (Object.keys(more).length > 0) return Buffer.from('{"custom_id" and "body" are all that a line holds');
  const withModel = jobModel !== undefined && isObject(body) ? { model: jobModel, ...body } : body;
  return Buffer.from(JSON.stringify({ custom_id, method: 'POST', url: endpoint, body: withModel }));
}
