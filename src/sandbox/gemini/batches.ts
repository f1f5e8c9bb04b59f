import type { BatchEngine } from '../batches/engine.ts';
import { cancelBatch, listBatches, ownBatch } from '../batches/own-batches.ts';
import type { Call, Route } from '../call.ts';
import { jsonReply, jsonTextReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { createBatch } from './batch-create.ts';
import { GEMINI, type GeminiDetails } from './batch-details.ts';
import { geminiError, notFound, refuse } from './errors.ts';
import type { GeminiFileStore } from './file-store.ts';
import { operationJson, payloadBytes } from './operation.ts';
import { badPageToken, pageToken, readPage } from './paging.ts';

/** Answers with more inline payload than this never came from the real service (contract section 3.4). */
const MAX_PAYLOAD_BYTES = 256_000_000;

/** `/v1beta/batches` and the calls that create one (contract sections 3.1 to 3.4). */
export function geminiBatchRoutes(state: SandboxState, files: GeminiFileStore, engine: BatchEngine): Route[] {
  const context = { state, files, wake: engine.wake };
  const create = (suffix: string, method: GeminiDetails['method']): Route => ({
    method: 'POST',
    path: `/v1beta/models/*:${suffix}`,
    handler: (call) => createBatch(context, call, { model: call.names[0] ?? '', method }),
  });
  return [
    create('batchGenerateContent', 'generateContent'),
    create('asyncBatchEmbedContent', 'embedContent'),
    { method: 'GET', path: '/v1beta/batches', handler: (call) => listOperations(state, call, engine) },
    { method: 'GET', path: '/v1beta/batches/*', handler: (call) => getBatch(state, call, engine) },
    { method: 'POST', path: '/v1beta/batches/*:cancel', handler: (call) => endBatch(state, call, engine, 'cancel') },
    { method: 'DELETE', path: '/v1beta/batches/*', handler: (call) => endBatch(state, call, engine, 'delete') },
  ];
}

function unknownBatch(call: Call): Reply {
  return notFound(`Batch batches/${call.names[0] ?? ''} was not found.`);
}

async function getBatch(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.of(GEMINI).count('polls');
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  const record = ownBatch<GeminiDetails>(state, call, GEMINI, id);
  if (record === undefined) return unknownBatch(call);
  if (payloadBytes(record) > MAX_PAYLOAD_BYTES) return overloaded();
  return jsonTextReply(200, operationJson(state, record, state.clock.now()));
}

async function listOperations(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.of(GEMINI).count('lists');
  const page = readPage(call, 50, 1000);
  if ('refusal' in page) return page.refusal;
  if (page.after !== undefined && state.batches.find(page.after) === undefined) return badPageToken();
  await engine.settler.settleDue();
  const nowMs = state.clock.now();
  const query = { provider: GEMINI, afterId: page.after, limit: page.size + 1 };
  const found = listBatches<GeminiDetails>(state, call, query);
  const shown = found.slice(0, page.size);
  if (shown.reduce((sum, record) => sum + payloadBytes(record), 0) > MAX_PAYLOAD_BYTES) return overloaded();
  const last = shown.at(-1);
  const fields: string[] = [];
  if (shown.length > 0) {
    fields.push(`"operations":[${shown.map((record) => operationJson(state, record, nowMs)).join(',')}]`);
  }
  if (found.length > shown.length && last !== undefined) fields.push(`"nextPageToken":"${pageToken(last.id)}"`);
  return jsonTextReply(200, `{${fields.join(',')}}`);
}

/** `:cancel` and DELETE: both stop the work if there is still any, and the second takes the batch off the list. */
async function endBatch(
  state: SandboxState,
  call: Call,
  engine: BatchEngine,
  action: 'cancel' | 'delete',
): Promise<Reply> {
  call.request.resume();
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  if (ownBatch(state, call, GEMINI, id) === undefined) return unknownBatch(call);
  // Too late is no error: a cancel is a best effort.
  cancelBatch(state, id, { removes: action === 'delete' });
  if (action === 'cancel') state.ledger.of(GEMINI).count('cancels');
  return jsonReply(200, {});
}

function overloaded(): Reply {
  return refuse(geminiError(503, 'The service is currently unavailable.'));
}
