import { newBatchRecord } from '../batches/batch-record.ts';
import type { Call } from '../call.ts';
import { inTransaction } from '../database.ts';
import { asString, isObject, type JsonObject, parseJson } from '../json.ts';
import { randomBase62 } from '../random.ts';
import { jsonTextReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { GEMINI, type GeminiBatch, type GeminiDetails, WINDOW_MS } from './batch-details.ts';
import { badRequest, notFound, quotaExceeded } from './errors.ts';
import { field } from './field.ts';
import type { GeminiFileStore } from './file-store.ts';
import { isKnownModel, unknownModel } from './models.ts';
import { operationJson } from './operation.ts';

/** What creating a batch needs beside the call. */
export interface CreateContext {
  state: SandboxState;
  files: GeminiFileStore;
  wake(): void;
}

export interface CreateTarget {
  /** Without the prefix `models/`. */
  model: string;
  method: GeminiDetails['method'];
}

type Input = Pick<GeminiDetails, 'inputBlob' | 'inlineBytes' | 'inputFileId'> & { tokens: number };

/** `:batchGenerateContent` and `:asyncBatchEmbedContent` (contract sections 3.2 and 3.6). */
export async function createBatch(context: CreateContext, call: Call, target: CreateTarget): Promise<Reply> {
  const { state } = context;
  const body = await readBody(call, state.settings.limits.geminiInlineBytes);
  if ('refusal' in body) return body.refusal;
  const batch = body.value.batch;
  if (!isObject(batch)) return badRequest('* BatchGenerateContentRequest.batch: batch is not specified\n');
  if (!isKnownModel(target.model)) return unknownModel(target.model, 'batchGenerateContent');
  if (call.fault?.type === 'token-limit') return quotaExceeded();
  const input = await readInput(context, call, batch);
  if ('refusal' in input) return input.refusal;
  const record = newRecord(state, call, { target, batch, input });
  const limit = state.settings.limits.enqueuedTokens;
  const accepted = inTransaction(state.database, () => {
    const query = { provider: GEMINI, account: call.account, model: target.model, nowMs: record.createdMs };
    const queued = Number.isFinite(limit) ? state.batches.queued(query).tokens : 0;
    if (queued + input.tokens > limit) return false;
    state.batches.insert(record);
    state.ledger.of(GEMINI).count('creates');
    return true;
  });
  if (!accepted) {
    if (input.inputFileId === null) await state.blobs.remove(input.inputBlob);
    return quotaExceeded();
  }
  // After the reply is computed: the answer to a create is always pending.
  const reply = jsonTextReply(200, operationJson(state, record, record.createdMs));
  setImmediate(context.wake);
  return reply;
}

function newRecord(
  state: SandboxState,
  call: Call,
  { target, batch, input }: { target: CreateTarget; batch: JsonObject; input: Input },
): GeminiBatch {
  const { tokens, ...source } = input;
  const forced = call.fault?.type === 'fail-batch' ? call.fault : undefined;
  const priority = batch.priority;
  return newBatchRecord<GeminiDetails>({
    id: randomBase62(24).toLowerCase(),
    provider: GEMINI,
    account: call.account,
    createdMs: state.clock.now(),
    delays: state.settings.delays,
    windowMs: WINDOW_MS,
    keepsFinished: false,
    model: target.model,
    tokens,
    expireFraction: call.fault?.type === 'expire-at' ? call.fault.fraction : null,
    forcedErrors:
      forced === undefined
        ? null
        : [{ code: forced.code, message: forced.message, line: forced.line ?? null, param: null }],
    details: {
      method: target.method,
      displayName: asString(field(batch, 'displayName')) ?? null,
      priority: priority === undefined ? null : String(priority),
      ...source,
      responsesFileId: null,
      inlineResults: null,
    },
  });
}

async function readBody(call: Call, maxBytes: number): Promise<{ value: JsonObject } | { refusal: Reply }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of call.request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // What is too large is still read to its end, so that the client gets to see the answer.
    if (bytes < maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (bytes >= maxBytes) return { refusal: badRequest(`Request payload size exceeds the limit: ${maxBytes} bytes.`) };
  const value = parseJson(Buffer.concat(chunks).toString('utf8'));
  return isObject(value) ? { value } : { refusal: badRequest('Invalid JSON payload received.') };
}

async function readInput(context: CreateContext, call: Call, batch: JsonObject): Promise<Input | { refusal: Reply }> {
  const config = field(batch, 'inputConfig');
  const missing = badRequest(
    '* BatchGenerateContentRequest.batch.input_config: one of requests or file_name must be set\n',
  );
  if (!isObject(config)) return { refusal: missing };
  const fileName = asString(field(config, 'fileName'));
  if (fileName !== undefined) return readFileInput(context, call, fileName);
  const requests = isObject(config.requests) ? config.requests.requests : undefined;
  if (!Array.isArray(requests) || requests.length === 0) return { refusal: missing };
  return readInlineInput(context.state, requests);
}

function readFileInput(context: CreateContext, call: Call, fileName: string): Input | { refusal: Reply } {
  const id = fileName.replace(/^files\//, '');
  const file = context.files.find(id, call.account, context.state.clock.now());
  if (file === undefined || call.fault?.type === 'file-not-found') {
    return { refusal: notFound(`File ${fileName} was not found.`) };
  }
  // Four bytes a token, as the rows are counted: exact enough for a queue, and the file need not be read for it.
  return { inputFileId: id, inputBlob: file.blob, inlineBytes: 0, tokens: Math.ceil(file.bytes / 4) };
}

async function readInlineInput(state: SandboxState, requests: unknown[]): Promise<Input> {
  const blob = await state.blobs.create();
  try {
    for (const request of requests) await blob.write(Buffer.from(`${JSON.stringify(request)}\n`));
    const name = `gemini-inline-${randomBase62(16)}`;
    await blob.keep(name);
    return { inputFileId: null, inputBlob: name, inlineBytes: blob.bytes, tokens: Math.ceil(blob.bytes / 4) };
  } catch (error) {
    await blob.discard();
    throw error;
  }
}
