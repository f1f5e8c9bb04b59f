import type { BatchEngine } from '../batches/engine.ts';
import { cancelBatch, listBatches, ownBatch } from '../batches/own-batches.ts';
import type { Call, Route } from '../call.ts';
import { errorReply, invalidRequest, notFound } from '../openai/errors.ts';
import { listReply, readLimit } from '../openai/listing.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { createCompatibleBatch } from './batch-create.ts';
import type { CompatibleBatch, CompatibleDetails } from './batch-details.ts';
import { compatibleBatchObject } from './batch-object.ts';
import type { CompatibleBatches, CompatibleServer } from './servers.ts';

interface Place {
  state: SandboxState;
  engine: BatchEngine;
  provider: string;
  batch: CompatibleBatches;
}

const EVERYTHING = 1_000_000;

/** The batch routes of a server, at its own path. */
export function compatibleBatchRoutes(
  state: SandboxState,
  engine: BatchEngine,
  { provider, prefix }: CompatibleServer,
  batch: CompatibleBatches,
): Route[] {
  const place: Place = { state, engine, provider, batch };
  const path = prefix + batch.path;
  return [
    { method: 'POST', path, handler: (call) => createCompatibleBatch(state, call, place, engine.wake) },
    { method: 'GET', path, handler: (call) => list(place, call) },
    { method: 'GET', path: `${path}/*`, handler: (call) => getBatch(place, call) },
    { method: 'POST', path: `${path}/*/cancel`, handler: (call) => cancel(place, call) },
  ];
}

async function getBatch(place: Place, call: Call): Promise<Reply> {
  const { state, engine, provider, batch } = place;
  state.ledger.of(provider).count('polls');
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  const record = ownBatch<CompatibleDetails>(state, call, provider, id);
  return record ? jsonReply(200, compatibleBatchObject(state, record, batch.form)) : unknownBatch(id);
}

function unknownBatch(id: string): Reply {
  return notFound(`No batch found with id '${id}'.`);
}

async function list(place: Place, call: Call): Promise<Reply> {
  const { state, engine, provider, batch } = place;
  state.ledger.of(provider).count('lists');
  await engine.settler.settleDue();
  const objects = (query: { afterId?: string | undefined; limit: number }) =>
    listBatches<CompatibleDetails>(state, call, { provider, ...query }).map((record) =>
      compatibleBatchObject(state, record, batch.form),
    );
  if (batch.form === 'together') return jsonReply(200, objects({ limit: EVERYTHING }));
  if (batch.form === 'mistral') return numberedPage(call, objects({ limit: EVERYTHING }));
  const limit = readLimit(call, 100, 20);
  if (typeof limit !== 'number') return errorReply(400, limit);
  return listReply(objects({ afterId: call.query.get('after') ?? undefined, limit: limit + 1 }), limit);
}

function numberedPage(call: Call, all: readonly unknown[]): Reply {
  const page = Number(call.query.get('page') ?? 0);
  const size = Number(call.query.get('page_size') ?? 100);
  if (!Number.isInteger(page) || page < 0 || !Number.isInteger(size) || size < 1) {
    return errorReply(422, invalidRequest('page and page_size must be whole numbers.'));
  }
  return jsonReply(200, { object: 'list', data: all.slice(page * size, (page + 1) * size), total: all.length });
}

async function cancel(place: Place, call: Call): Promise<Reply> {
  const { state, engine, provider, batch } = place;
  call.request.resume();
  const id = call.names[0] ?? '';
  await engine.settler.settleIfDue(id);
  if (ownBatch(state, call, provider, id) === undefined) return unknownBatch(id);
  const { record, refusedFor } = cancelBatch(state, id);
  if (refusedFor !== undefined) {
    // Only OpenAI's status for it is known; the others are given another one that fits.
    const status = batch.form === 'openai' ? 409 : 400;
    return errorReply(status, invalidRequest(`Cannot cancel a batch with status '${refusedFor}'.`));
  }
  if (record === undefined) return unknownBatch(id);
  state.ledger.of(provider).count('cancels');
  return jsonReply(200, compatibleBatchObject(state, record as CompatibleBatch, batch.form));
}
