import { newBatchRecord } from '../batches/batch-record.ts';
import { type Call, readJsonBody } from '../call.ts';
import { inTransaction } from '../database.ts';
import { asNumber, asString, isObject, type JsonObject } from '../json.ts';
import { forcedErrors, metadataProblem } from '../openai/batch-create.ts';
import { ENDPOINT_PATHS } from '../openai/endpoints.ts';
import { badRequest } from '../openai/errors.ts';
import { randomHex } from '../random.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import type { CompatibleBatch } from './batch-details.ts';
import { compatibleBatchObject } from './batch-object.ts';
import type { CompatibleBatches } from './servers.ts';

const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 10 * 365 * 24 * HOUR_MS;

/** What a create says, whatever its fields are called. */
interface Asked {
  inputFileId: string | undefined;
  endpoint: string | undefined;
  hours: number;
  completionWindow: string;
  jobModel?: string;
}

/** The create of a server: a batch, or the refusal of what the server does not know. */
export async function createCompatibleBatch(
  state: SandboxState,
  call: Call,
  server: { provider: string; batch: CompatibleBatches },
  wake: () => void,
): Promise<Reply> {
  const { provider, batch } = server;
  const body = await readJsonBody(call.request);
  const asked = batch.form === 'mistral' ? readJob(body) : readBatch(body);
  const problem = problemOf(body, asked, batch);
  if (problem !== undefined) return problem;
  if (call.fault?.type === 'file-not-found') return badRequest(`Cannot find file ${asked.inputFileId}`);
  const record = newRecord(state, call, { provider, asked, expires: batch.expires, metadata: body.metadata });
  inTransaction(state.database, () => {
    state.batches.insert(record);
    state.ledger.of(provider).count('creates');
  });
  const object = compatibleBatchObject(state, record, batch.form, record.createdMs);
  const reply = jsonReply(200, batch.form === 'together' ? { job: object } : object);
  setImmediate(wake);
  return reply;
}

function readBatch(body: JsonObject): Asked {
  const completionWindow = asString(body.completion_window) ?? '';
  const match = /^(\d+)([hd])$/.exec(completionWindow);
  return {
    inputFileId: asString(body.input_file_id),
    endpoint: asString(body.endpoint),
    hours: match ? Number(match[1]) * (match[2] === 'd' ? 24 : 1) : Number.NaN,
    completionWindow,
  };
}

function readJob(body: JsonObject): Asked {
  const files = Array.isArray(body.input_files) ? body.input_files : [];
  const hours = body.timeout_hours === undefined ? 24 : (asNumber(body.timeout_hours) ?? Number.NaN);
  const jobModel = asString(body.model);
  return {
    inputFileId: files.length === 1 ? asString(files[0]) : undefined,
    endpoint: asString(body.endpoint),
    hours,
    completionWindow: `${hours}h`,
    ...(jobModel === undefined ? {} : { jobModel }),
  };
}

function problemOf(body: JsonObject, asked: Asked, { form, window }: CompatibleBatches): Reply | undefined {
  const fileField = form === 'mistral' ? 'input_files' : 'input_file_id';
  if (!asked.inputFileId) return badRequest(`Missing required parameter: '${fileField}'.`, fileField);
  if (!ENDPOINT_PATHS.includes(asked.endpoint ?? '')) return badRequest('Unknown endpoint.', 'endpoint');
  if (!(asked.hours >= window.leastHours && asked.hours <= window.mostHours)) {
    const range = `${window.leastHours} to ${window.mostHours} hours`;
    return badRequest(`The window must be ${range}.`, form === 'mistral' ? 'timeout_hours' : 'completion_window');
  }
  if (form === 'mistral' && !asked.jobModel) return badRequest("Missing required parameter: 'model'.", 'model');
  if (form === 'together' && body.metadata !== undefined) return badRequest('Unknown parameter.', 'metadata');
  return metadataProblem(body.metadata);
}

function newRecord(
  state: SandboxState,
  call: Call,
  given: { provider: string; asked: Asked; expires: boolean; metadata: unknown },
): CompatibleBatch {
  const { asked, metadata } = given;
  return newBatchRecord({
    id: `batch_${randomHex(16)}`,
    provider: given.provider,
    account: call.account,
    createdMs: state.clock.now(),
    delays: state.settings.delays,
    windowMs: given.expires ? asked.hours * HOUR_MS : TEN_YEARS_MS,
    expireFraction: call.fault?.type === 'expire-at' ? call.fault.fraction : null,
    forcedErrors: forcedErrors(call),
    details: {
      endpoint: asked.endpoint ?? '',
      inputFileId: asked.inputFileId ?? '',
      completionWindow: asked.completionWindow,
      metadata: isObject(metadata) ? (metadata as Record<string, string>) : null,
      outputExpiresSeconds: null,
      outputFileId: null,
      errorFileId: null,
      tokenLimit: call.fault?.type === 'token-limit',
      ...(asked.jobModel === undefined ? {} : { jobModel: asked.jobModel }),
    },
  });
}
