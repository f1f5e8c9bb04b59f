import type { BatchEngine } from '../batches/engine.ts';
import { cancelBatch, listBatches, ownBatch } from '../batches/own-batches.ts';
import type { Call, Route } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { createBatch } from './batch-create.ts';
import { ANTHROPIC, type AnthropicBatch, type AnthropicDetails } from './batch-details.ts';
import { batchObject, isArchived, processingStatus } from './batch-object.ts';
import { errorReply } from './errors.ts';
import { originOf } from './origin.ts';

const PATH = '/v1/messages/batches';
const STANDARD_LIMIT = 20;
const MAX_LIMIT = 1000;
/** Requests that were being answered when the cancel came, and cannot be interrupted. */
const IN_FLIGHT_ROWS = 4;

/** `/v1/messages/batches` (contract section 2.2). */
export function batchRoutes(state: SandboxState, engine: BatchEngine): Route[] {
  const onBatch =
    (answer: (record: AnthropicBatch, call: Call) => Reply | Promise<Reply>): Route['handler'] =>
    async (call) => {
      call.request.resume();
      const id = call.names[0] ?? '';
      await engine.settler.settleIfDue(id);
      const record = ownBatch<AnthropicDetails>(state, call, ANTHROPIC, id);
      return record === undefined ? errorReply(404, `Message batch ${id} not found`) : answer(record, call);
    };
  const show = (record: AnthropicBatch, call: Call): Reply =>
    jsonReply(200, batchObject(record, state.clock.now(), originOf(call)));
  const { count } = state.ledger.of(ANTHROPIC);
  return [
    { method: 'POST', path: PATH, handler: (call) => createBatch(state, call, engine.wake) },
    { method: 'GET', path: PATH, handler: (call) => list(state, call, engine) },
    {
      method: 'GET',
      path: `${PATH}/*`,
      handler(call) {
        count('polls');
        return onBatch(show)(call);
      },
    },
    {
      method: 'POST',
      path: `${PATH}/*/cancel`,
      handler: onBatch((record, call) => {
        if (processingStatus(record, state.clock.now()) === 'ended') {
          return errorReply(400, `Message batch ${record.id} has ended and cannot be canceled`);
        }
        const cancelled = cancelBatch(state, record.id, { inFlightRows: IN_FLIGHT_ROWS });
        count('cancels');
        return show((cancelled.record ?? record) as AnthropicBatch, call);
      }),
    },
    { method: 'DELETE', path: `${PATH}/*`, handler: onBatch((record) => remove(state, record)) },
    { method: 'GET', path: `${PATH}/*/results`, handler: onBatch((record) => results(state, record)) },
  ];
}

async function remove(state: SandboxState, record: AnthropicBatch): Promise<Reply> {
  if (processingStatus(record, state.clock.now()) !== 'ended') {
    return errorReply(400, `Message batch ${record.id} is still processing: cancel it before you delete it`);
  }
  state.batches.update(record.id, (current) => ({ ...current, removed: true }));
  const { input, results: file } = record.details;
  await Promise.all([state.blobs.remove(input), file === null ? undefined : state.blobs.remove(file.blob)]);
  return jsonReply(200, { id: record.id, type: 'message_batch_deleted' });
}

function results(state: SandboxState, record: AnthropicBatch): Reply {
  const nowMs = state.clock.now();
  if (processingStatus(record, nowMs) !== 'ended') {
    return errorReply(404, `Message batch ${record.id} has no results yet: it is still processing`);
  }
  if (isArchived(record, nowMs)) return errorReply(404, `The results of message batch ${record.id} are no longer kept`);
  const file = record.details.results;
  if (file === null) return errorReply(500, record.errors?.[0]?.message ?? 'The sandbox has no results.');
  state.ledger.of(ANTHROPIC).count('downloads');
  return {
    status: 200,
    headers: { 'content-type': 'application/x-jsonl' },
    body: { path: state.blobs.path(file.blob), bytes: file.bytes },
  };
}

async function list(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.of(ANTHROPIC).count('lists');
  const limit = Number(call.query.get('limit') ?? STANDARD_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return errorReply(400, `limit: Input should be an integer from 1 to ${MAX_LIMIT}`);
  }
  const afterId = call.query.get('after_id') ?? undefined;
  const beforeId = call.query.get('before_id') ?? undefined;
  for (const id of [afterId, beforeId]) {
    if (id !== undefined && ownBatch(state, call, ANTHROPIC, id) === undefined) {
      return errorReply(400, `Message batch ${id} not found`);
    }
  }
  await engine.settler.settleDue();
  const nowMs = state.clock.now();
  const query = { provider: ANTHROPIC, afterId, beforeId, limit: limit + 1 };
  const found = listBatches<AnthropicDetails>(state, call, query);
  // One more than asked for tells that there are more; backwards it is the newest of them.
  const records = beforeId === undefined ? found.slice(0, limit) : found.slice(-limit);
  return jsonReply(200, {
    data: records.map((record) => batchObject(record, nowMs, originOf(call))),
    has_more: found.length > limit,
    first_id: records[0]?.id ?? null,
    last_id: records.at(-1)?.id ?? null,
  });
}
