import { randomUUID } from 'node:crypto';
import { newBatchRecord } from '../../batches/batch-record.ts';
import { type Call, readJsonBody } from '../../call.ts';
import { inTransaction } from '../../database.ts';
import { asString } from '../../json.ts';
import { forcedErrors } from '../../openai/batch-create.ts';
import { jsonReply, type Reply } from '../../reply.ts';
import type { SandboxState } from '../../state.ts';
import { XAI, type XaiBatch } from './batch-details.ts';
import { xaiBatchObject } from './batch-object.ts';
import { xaiError } from './errors.ts';

/** The only window there is: 30 days. */
const WINDOW_MS = 30 * 24 * 3_600_000;

/** `POST /batches` of a file. */
export async function createXaiBatch(state: SandboxState, call: Call, wake: () => void): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const name = asString(body.name) ?? '';
  if (name === '') return xaiError(400, 'name is required.');
  const inputFileId = asString(body.input_file_id) ?? '';
  if (inputFileId === '') {
    return xaiError(400, 'The sandbox emulates file-based batches only: give an input_file_id.');
  }
  const isKnown = state.files.find(inputFileId, call.account, state.clock.now()) !== undefined;
  // Status and text are unconfirmed.
  if (!isKnown || call.fault?.type === 'file-not-found') return xaiError(400, `Cannot find file ${inputFileId}.`);
  const record = newRecord(state, call, { name, inputFileId });
  inTransaction(state.database, () => {
    state.batches.insert(record);
    state.ledger.of(XAI).count('creates');
  });
  // Before it is executed: the answer to a create has all counters at 0.
  const reply = jsonReply(200, xaiBatchObject(state, record, record.createdMs));
  setImmediate(wake);
  return reply;
}

function newRecord(state: SandboxState, call: Call, details: XaiBatch['details']): XaiBatch {
  return newBatchRecord({
    id: `batch_${randomUUID()}`,
    provider: XAI,
    account: call.account,
    createdMs: state.clock.now(),
    delays: state.settings.delays,
    windowMs: WINDOW_MS,
    expireFraction: call.fault?.type === 'expire-at' ? call.fault.fraction : null,
    forcedErrors: forcedErrors(call),
    details,
  });
}
