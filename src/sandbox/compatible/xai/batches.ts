import type { BatchEngine } from '../../batches/engine.ts';
import { cancelBatch, listBatches, ownBatch } from '../../batches/own-batches.ts';
import type { Call, Route } from '../../call.ts';
import { jsonReply, type Reply } from '../../reply.ts';
import type { SandboxState } from '../../state.ts';
import { createXaiBatch } from './batch-create.ts';
import { XAI, XAI_PREFIX, type XaiBatch, type XaiDetails } from './batch-details.ts';
import { xaiBatchObject } from './batch-object.ts';
import { xaiError } from './errors.ts';
import { badPageToken, pageToken, readPage } from './paging.ts';
import { resultsPage } from './results.ts';
import { createRowIndex } from './row-index.ts';

const PATH = `${XAI_PREFIX}/batches`;
/** Requests that are answered still when a cancel comes: as many as were seen live, which says nothing of the most. */
const IN_FLIGHT_ROWS = 5;

export function xaiBatchRoutes(state: SandboxState, engine: BatchEngine): Route[] {
  const index = createRowIndex(state);
  const { count } = state.ledger.of(XAI);
  const onBatch =
    (answer: (record: XaiBatch, call: Call) => Reply | Promise<Reply>): Route['handler'] =>
    async (call) => {
      call.request.resume();
      const id = call.names[0] ?? '';
      await engine.settler.settleIfDue(id);
      const record = ownBatch<XaiDetails>(state, call, XAI, id);
      // Status and text are unconfirmed.
      return record === undefined ? xaiError(404, `Batch ${id} not found.`) : answer(record, call);
    };
  const poll = onBatch((record) => jsonReply(200, xaiBatchObject(state, record)));
  return [
    { method: 'POST', path: PATH, handler: (call) => createXaiBatch(state, call, engine.wake) },
    { method: 'GET', path: PATH, handler: (call) => list(state, call, engine) },
    {
      method: 'GET',
      path: `${PATH}/*`,
      handler(call) {
        count('polls');
        return poll(call);
      },
    },
    { method: 'POST', path: `${PATH}/*:cancel`, handler: onBatch((record) => cancel(state, record)) },
    {
      method: 'GET',
      path: `${PATH}/*/results`,
      handler: onBatch((record, call) => resultsPage(state, index, record, call)),
    },
    {
      method: 'POST',
      path: `${PATH}/*/requests`,
      handler: onBatch(() => xaiError(412, 'Cannot add inline requests to a file-based batch')),
    },
  ];
}

function cancel(state: SandboxState, { id }: XaiBatch): Reply {
  const { record, refusedFor } = cancelBatch(state, id, { inFlightRows: IN_FLIGHT_ROWS });
  // Status and text are unconfirmed.
  if (record === undefined || refusedFor !== undefined) return xaiError(400, `Batch ${id} has ended.`);
  state.ledger.of(XAI).count('cancels');
  return jsonReply(200, xaiBatchObject(state, record as XaiBatch));
}

/** Newest first, which is unconfirmed. */
async function list(state: SandboxState, call: Call, engine: BatchEngine): Promise<Reply> {
  state.ledger.of(XAI).count('lists');
  const page = readPage(call);
  if ('refusal' in page) return page.refusal;
  const { limit, after: afterId } = page;
  if (afterId !== undefined && ownBatch(state, call, XAI, afterId) === undefined) return badPageToken();
  await engine.settler.settleDue();
  const found = listBatches<XaiDetails>(state, call, { provider: XAI, afterId, limit: limit + 1 });
  const onPage = found.slice(0, limit);
  const last = onPage.at(-1);
  const token = found.length > limit && last !== undefined ? pageToken(last.id) : null;
  const nowMs = state.clock.now();
  return jsonReply(200, {
    batches: onPage.map((record) => xaiBatchObject(state, record, nowMs)),
    pagination_token: token,
  });
}
