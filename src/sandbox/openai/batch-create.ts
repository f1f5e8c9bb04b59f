import { type BatchError, newBatchRecord } from '../batches/batch-record.ts';
import { type Call, readJsonBody } from '../call.ts';
import { inTransaction } from '../database.ts';
import { asString, isObject, type JsonObject } from '../json.ts';
import { randomHex } from '../random.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { OPENAI, type OpenAiBatch } from './batch-details.ts';
import { batchObject } from './batch-object.ts';
import { ENDPOINT_PATHS } from './endpoints.ts';
import { badRequest } from './errors.ts';

const WINDOW_MS = 24 * 3_600_000;
const MAX_PAIRS = 16;
const MAX_KEY = 64;
const MAX_VALUE = 512;

/** POST /v1/batches (contract sections 1.4 and 1.7). */
export async function createBatch(state: SandboxState, call: Call, wake: () => void): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const problem = createProblem(body);
  if (problem !== undefined) return problem;
  const inputFileId = asString(body.input_file_id) ?? '';
  if (call.fault?.type === 'file-not-found') {
    return badRequest(`Cannot find file ${inputFileId}`, 'input_file_id');
  }
  const record = newRecord(state, call, body, inputFileId);
  inTransaction(state.database, () => {
    state.batches.insert(record);
    state.ledger.of(OPENAI).count('creates');
  });
  // After the reply is computed: the answer to a create is always `validating`.
  const reply = jsonReply(200, batchObject(state, record, record.createdMs));
  setImmediate(wake);
  return reply;
}

function newRecord(state: SandboxState, call: Call, body: JsonObject, inputFileId: string): OpenAiBatch {
  const expiry = body.output_expires_after;
  const metadata = body.metadata;
  return newBatchRecord({
    id: `batch_${randomHex(16)}`,
    provider: OPENAI,
    account: call.account,
    createdMs: state.clock.now(),
    delays: state.settings.delays,
    windowMs: WINDOW_MS,
    expireFraction: call.fault?.type === 'expire-at' ? call.fault.fraction : null,
    forcedErrors: forcedErrors(call),
    details: {
      endpoint: asString(body.endpoint) ?? '',
      inputFileId,
      completionWindow: asString(body.completion_window) ?? '',
      metadata: isObject(metadata) ? (metadata as Record<string, string>) : null,
      outputExpiresSeconds: isObject(expiry) ? Number(expiry.seconds) : null,
      outputFileId: null,
      errorFileId: null,
      tokenLimit: call.fault?.type === 'token-limit',
    },
  });
}

export function forcedErrors(call: Call): BatchError[] | null {
  if (call.fault?.type !== 'fail-batch') return null;
  const { code, message, line } = call.fault;
  return [{ code, message, line: line ?? null, param: null }];
}

function createProblem(body: JsonObject): Reply | undefined {
  for (const name of ['input_file_id', 'endpoint', 'completion_window']) {
    if (body[name] === undefined || body[name] === null) {
      return badRequest(`Missing required parameter: '${name}'.`, name, 'missing_required_parameter');
    }
    if (typeof body[name] !== 'string') {
      return badRequest(`Invalid type for '${name}': expected a string.`, name, 'invalid_type');
    }
  }
  const endpoint = String(body.endpoint);
  if (!ENDPOINT_PATHS.includes(endpoint)) {
    return badRequest(`Invalid value: '${endpoint}'. ${supported(ENDPOINT_PATHS)}`, 'endpoint', 'invalid_value');
  }
  const window = String(body.completion_window);
  if (window !== '24h') {
    return badRequest(
      `Invalid value: '${window}'. Value must be one of the following: 24h`,
      'completion_window',
      'invalid_value',
    );
  }
  return metadataProblem(body.metadata) ?? expiryProblem(body.output_expires_after);
}

function supported(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  return `Supported values are: ${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}.`;
}

export function metadataProblem(metadata: unknown): Reply | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  if (!isObject(metadata))
    return badRequest("Invalid type for 'metadata': expected an object.", 'metadata', 'invalid_type');
  const pairs = Object.entries(metadata);
  if (pairs.length > MAX_PAIRS) {
    const message = `Invalid 'metadata': too many properties. Expected an object with at most ${MAX_PAIRS} properties, but got ${pairs.length} properties instead.`;
    return badRequest(message, 'metadata', 'object_above_max_properties');
  }
  for (const [key, value] of pairs) {
    const param = `metadata.${key}`;
    if (typeof value !== 'string') {
      return badRequest(
        `Invalid type for '${param}': expected a string, but got ${typeof value} instead.`,
        param,
        'invalid_type',
      );
    }
    if (key.length > MAX_KEY || value.length > MAX_VALUE) {
      const most = key.length > MAX_KEY ? MAX_KEY : MAX_VALUE;
      const message = `Invalid '${param}': string too long. Expected a string with maximum length ${most}.`;
      return badRequest(message, param, 'string_above_max_length');
    }
  }
  return undefined;
}

function expiryProblem(expiry: unknown): Reply | undefined {
  if (expiry === undefined || expiry === null) return undefined;
  const seconds = isObject(expiry) ? expiry.seconds : undefined;
  const valid = typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 3600 && seconds <= 2_592_000;
  if (isObject(expiry) && expiry.anchor === 'created_at' && valid) return undefined;
  const message =
    "Invalid 'output_expires_after': the anchor must be 'created_at' and the seconds from 3600 to 2592000.";
  return badRequest(message, 'output_expires_after', 'invalid_value');
}
