import type { BatchEngine } from '../batches/engine.ts';
import { cancelBatch, listBatches, ownBatch } from '../batches/own-batches.ts';
import type { Call, Route } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { createBatch } from './batch-create.ts';
import { OPENAI, type OpenAiBatch, type OpenAiDetails } from './batch-details.ts';
import { batchObject } from './batch-object.ts';
import { badRequest, errorReply, invalidRequest, notFound } from './errors.ts';
import { listReply, readLimit } from './listing.ts';

/** `/v1/batches` (contract sections 1.1, 1.4 and 1.5). */
export function batchRoutes(state: SandboxState, engine: BatchEngine): Route[] {
  return [
    { method: 'POST', path: '/v1/batches', handler: (call) => createBatch(state, call, engine.wake) },
    { method: 'GET', path: '/v1/batches', handler: (call) => list(state, call, engine) },
    { method: 'GET', path: '/v1/batches/*', handler: (call) => getBatch(state, call, engine) },
    { method: 'POST', path: '/v1/batches/*/cancel', handler: (call) => cancel(state, call, engine) },
  ];
}

async function getBatch(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.of(OPENAI).count('polls');
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  const record = findOwn(state, call, id);
  return record === undefined ? unknownBatch(id) : jsonReply(200, batchObject(state, record, state.clock.now()));
}

function findOwn(state: SandboxState, call: Call, id: string): OpenAiBatch | undefined {
  return ownBatch<OpenAiDetails>(state, call, OPENAI, id);
}

function unknownBatch(id: string): Reply {
  return notFound(`No batch found with id '${id}'.`);
}

async function list(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.of(OPENAI).count('lists');
  const limit = readLimit(call, 100, 20);
  if (typeof limit !== 'number') return errorReply(400, limit);
  const after = call.query.get('after') ?? undefined;
  if (after !== undefined && findOwn(state, call, after) === undefined) {
    return badRequest(`No batch found with id '${after}'.`, 'after');
  }
  await engine.settler.settleDue();
  const nowMs = state.clock.now();
  const found = listBatches<OpenAiDetails>(state, call, { provider: OPENAI, afterId: after, limit: limit + 1 });
  return listReply(
    found.map((record) => ({ id: record.id, ...batchObject(state, record, nowMs) })),
    limit,
  );
}

async function cancel(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  call.request.resume();
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  if (findOwn(state, call, id) === undefined) return unknownBatch(id);
  const { record, refusedFor } = cancelBatch(state, id);
  if (refusedFor !== undefined) {
    return errorReply(409, invalidRequest(`Cannot cancel a batch with status '${refusedFor}'.`));
  }
  if (record === undefined) return unknownBatch(id);
  state.ledger.of(OPENAI).count('cancels');
  return jsonReply(200, batchObject(state, record as OpenAiBatch, state.clock.now()));
}
