import { newBatchRecord } from '../batches/batch-record.ts';
import type { BlobWriter } from '../blobs.ts';
import type { Call } from '../call.ts';
import { inTransaction } from '../database.ts';
import { isObject, parseJson } from '../json.ts';
import { randomBase62 } from '../random.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { versionOf } from './api-version.ts';
import { ANTHROPIC, type AnthropicBatch } from './batch-details.ts';
import { batchObject } from './batch-object.ts';
import { errorReply, errorTypeOf, isErrorType, type Problem } from './errors.ts';
import { originOf } from './origin.ts';
import { batchParamsProblem, paramsProblem } from './params-checks.ts';
import { createRequestsScanner, ScanError } from './requests-scanner.ts';

const WINDOW_MS = 24 * 3_600_000;
const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/;
const WRITE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;
const RETRY_AFTER_S = 60;

class TooLarge extends Error {}

/** POST /v1/messages/batches (contract sections 2.3 and 2.6): the body goes to disk request by request. */
export async function createBatch(state: SandboxState, call: Call, wake: () => void): Promise<Reply> {
  if (call.request.headers['content-encoding'] !== undefined) {
    call.request.resume();
    const details = { error_code: 'request_body_encoding_unsupported' };
    return errorReply(400, 'The sandbox takes no encoded request bodies.', { details });
  }
  const blob = await state.blobs.create();
  try {
    const rows = await receive(state, call, blob);
    const id = `msgbatch_01${randomBase62(22)}`;
    await blob.keep(`${id}.input`);
    const record = newRecord(state, call, id, rows);
    if (call.fault?.type === 'token-limit' || !insert(state, record)) {
      await state.blobs.remove(record.details.input);
      return queueFull();
    }
    const reply = jsonReply(200, batchObject(record, record.createdMs, originOf(call)));
    setImmediate(wake);
    return reply;
  } catch (error) {
    await blob.discard();
    if (error instanceof ScanError) return errorReply(400, error.message);
    if (error instanceof TooLarge) return errorReply(413, error.message);
    throw error;
  }
}

/** Reads the body to its end even when it is refused: a client that still sends would miss the answer. */
async function receive(state: SandboxState, call: Call, blob: BlobWriter): Promise<number> {
  const { anthropicBatchBytes } = state.settings.limits;
  const lines = requestLines(state, call, blob);
  const scanner = createRequestsScanner();
  let bytes = 0;
  let failure: unknown;
  for await (const piece of call.request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > anthropicBatchBytes) failure = new TooLarge('Request exceeds the maximum allowed number of bytes.');
    if (failure !== undefined) continue;
    try {
      for (const element of scanner.push(piece)) lines.add(element);
      await lines.flush(WRITE_BYTES);
    } catch (error) {
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  scanner.end();
  if (lines.count === 0) throw new ScanError('requests: List should have at least 1 item');
  await lines.flush(0);
  return lines.count;
}

/** Checks the requests one by one and writes each as a line. */
function requestLines(state: SandboxState, call: Call, blob: BlobWriter) {
  const { anthropicBatchRequests } = state.settings.limits;
  const version = versionOf(call.request);
  const seen = new Set<string>();
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  return {
    get count() {
      return seen.size;
    },
    add(element: Buffer): void {
      const at = `requests.${seen.size}`;
      if (seen.size >= anthropicBatchRequests) {
        throw new TooLarge(`A batch may contain at most ${anthropicBatchRequests} requests.`);
      }
      const value = parseJson(element.toString('utf8'));
      if (!isObject(value)) throw new ScanError(`${at}: not valid JSON`);
      const { custom_id: customId, params } = value;
      if (typeof customId !== 'string') throw new ScanError(`${at}.custom_id: Field required`);
      if (!CUSTOM_ID.test(customId)) {
        throw new ScanError(`${at}.custom_id: String should match pattern '${CUSTOM_ID.source}'`);
      }
      if (seen.has(customId)) throw new ScanError(`${at}.custom_id: custom_id must be unique, got "${customId}" twice`);
      if (!isObject(params)) throw new ScanError(`${at}.params: Field required`);
      const problem =
        batchParamsProblem(params) ??
        (state.settings.checksRowsAtCreate ? paramsProblem(params, version)?.message : undefined);
      if (problem !== undefined) throw new ScanError(`${at}.params.${problem}`);
      seen.add(customId);
      // Printed over several lines it would be several requests on disk. The copy: the piece is used again.
      const line = element.includes(NEWLINE) ? Buffer.from(JSON.stringify(value)) : Buffer.from(element);
      pending.push(line, Buffer.from([NEWLINE]));
      pendingBytes += line.length + 1;
    },
    async flush(whenAbove: number): Promise<void> {
      if (pendingBytes <= whenAbove) return;
      const data = Buffer.concat(pending);
      pending = [];
      pendingBytes = 0;
      await blob.write(data);
    },
  };
}

function newRecord(state: SandboxState, call: Call, id: string, rows: number): AnthropicBatch {
  return newBatchRecord({
    id,
    provider: ANTHROPIC,
    account: call.account,
    createdMs: state.clock.now(),
    delays: state.settings.delays,
    windowMs: WINDOW_MS,
    rows,
    expireFraction: call.fault?.type === 'expire-at' ? call.fault.fraction : null,
    details: { version: versionOf(call.request), input: `${id}.input`, results: null, failsWith: failureOf(call) },
  });
}

/** No batch fails as a whole here: the fault makes every row fail. */
function failureOf(call: Call): Problem | null {
  if (call.fault?.type !== 'fail-batch') return null;
  const { code, message } = call.fault;
  return { type: isErrorType(code) ? code : errorTypeOf(500), message };
}

/** False when the account has too many rows in unfinished batches. */
function insert(state: SandboxState, record: AnthropicBatch): boolean {
  return inTransaction(state.database, () => {
    const { provider, account } = record;
    const { rows } = state.batches.queued({ provider, account, nowMs: record.createdMs });
    if (rows + record.rows > state.settings.limits.queuedRequests) return false;
    state.batches.insert(record);
    state.ledger.of(ANTHROPIC).count('creates');
    return true;
  });
}

function queueFull(): Reply {
  const message =
    'This request would exceed the limit of batch requests in the processing queue. Please try again later.';
  return errorReply(429, message, { headers: { 'retry-after': String(RETRY_AFTER_S) } });
}
