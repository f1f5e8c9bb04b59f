import type { Call, Route } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { createBatch } from './batch-create.ts';
import { batchObject } from './batch-object.ts';
import type { BatchRecord } from './batch-record.ts';
import { rowsDoneAt, statusAt } from './batch-timeline.ts';
import { badRequest, errorReply, invalidRequest, notFound } from './errors.ts';
import { listReply, readLimit } from './listing.ts';
import type { Settler } from './settle.ts';

/** What happens behind the batches. */
export interface BatchEngine {
  settler: Settler;
  wake(): void;
}

/** `/v1/batches` (contract sections 1.1, 1.4 and 1.5). */
export function batchRoutes(state: SandboxState, engine: BatchEngine): Route[] {
  return [
    { method: 'POST', path: '/v1/batches', handler: (call) => createBatch(state, call, engine.wake) },
    { method: 'GET', path: '/v1/batches', handler: (call) => listBatches(state, call, engine) },
    { method: 'GET', path: '/v1/batches/*', handler: (call) => getBatch(state, call, engine) },
    { method: 'POST', path: '/v1/batches/*/cancel', handler: (call) => cancelBatch(state, call, engine) },
  ];
}

async function getBatch(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.count('polls');
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  const record = ownBatch(state, call, id);
  return record === undefined ? unknownBatch(id) : jsonReply(200, batchObject(state, record, state.clock.now()));
}

function ownBatch(state: SandboxState, call: Call, id: string): BatchRecord | undefined {
  const record = state.batches.find(id);
  return record?.account === call.account ? record : undefined;
}

function unknownBatch(id: string): Reply {
  return notFound(`No batch found with id '${id}'.`);
}

async function listBatches(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.count('lists');
  const limit = readLimit(call, 100, 20);
  if (typeof limit !== 'number') return errorReply(400, limit);
  const after = call.query.get('after') ?? undefined;
  if (after !== undefined && ownBatch(state, call, after) === undefined) {
    return badRequest(`No batch found with id '${after}'.`, 'after');
  }
  await engine.settler.settleDue();
  const nowMs = state.clock.now();
  const hiddenAfter = call.fault?.type === 'hide' ? nowMs - call.fault.ms : Number.POSITIVE_INFINITY;
  return listReply(
    visibleBatches(state, call.account, after, limit + 1, hiddenAfter).map((record) => ({
      id: record.id,
      ...batchObject(state, record, nowMs),
    })),
    limit,
  );
}

/** Hidden batches are the newest, so the list just begins later. */
function visibleBatches(
  state: SandboxState,
  account: string,
  after: string | undefined,
  limit: number,
  hiddenAfterMs: number,
): BatchRecord[] {
  const found: BatchRecord[] = [];
  let last = after;
  for (;;) {
    const page = state.batches.list(account, last, limit);
    found.push(...page.filter((record) => record.createdMs <= hiddenAfterMs));
    if (page.length < limit || found.length >= limit) return found.slice(0, limit);
    last = page.at(-1)?.id;
  }
}

async function cancelBatch(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  call.request.resume();
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  if (ownBatch(state, call, id) === undefined) return unknownBatch(id);
  const nowMs = state.clock.now();
  let refusedFor: string | undefined;
  const record = state.batches.update(id, (current) => {
    const status = statusAt(current, nowMs);
    if (status === 'completed' || status === 'failed' || status === 'expired') refusedFor = status;
    if (refusedFor !== undefined || current.cancelledAtMs !== null) return undefined;
    return { ...current, cancelledAtMs: nowMs, rowsAtCancel: rowsDoneAt(current, nowMs) };
  });
  if (refusedFor !== undefined) {
    return errorReply(409, invalidRequest(`Cannot cancel a batch with status '${refusedFor}'.`));
  }
  if (record === undefined) return unknownBatch(id);
  state.ledger.count('cancels');
  return jsonReply(200, batchObject(state, record, nowMs));
}
