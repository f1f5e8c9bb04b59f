import type { Call, Route } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { OPENAI } from './batch-details.ts';
import { badRequest, errorReply, notFound } from './errors.ts';
import { fileObject } from './file-object.ts';
import type { FileRecord } from './file-store.ts';
import { listReply, readLimit } from './listing.ts';
import { type FileRules, uploadFile } from './uploads.ts';

const MAX_LIMIT = 10_000;

/** `/v1/files` (contract sections 1.1 and 1.2). */
export function fileRoutes(
  state: SandboxState,
  settleDue: () => Promise<void>,
  rules: FileRules = { provider: OPENAI, purpose: 'batch' },
): Route[] {
  return [
    { method: 'POST', path: '/v1/files', handler: (call) => uploadFile(state, call, rules) },
    {
      method: 'GET',
      path: '/v1/files',
      async handler(call) {
        await settleDue();
        return listFiles(state, call);
      },
    },
    ...storedFileRoutes(state, rules.provider),
  ];
}

/** What can be done with a file that is there; `show` is what its server says of it. */
export function storedFileRoutes(
  state: SandboxState,
  provider: string,
  show: (file: FileRecord) => unknown = fileObject,
): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/files/*',
      handler: (call) => withFile(state, call, (file) => jsonReply(200, show(file))),
    },
    { method: 'DELETE', path: '/v1/files/*', handler: (call) => deleteFile(state, call) },
    {
      method: 'GET',
      path: '/v1/files/*/content',
      handler: (call) => withFile(state, call, (file) => content(state, file, provider)),
    },
  ];
}

function withFile(state: SandboxState, call: Call, answer: (file: FileRecord) => Reply): Reply {
  const id = call.names[0] ?? '';
  const file = state.files.find(id, call.account, state.clock.now());
  return file === undefined ? notFound(`No such File object: ${id}`, 'id') : answer(file);
}

function content(state: SandboxState, file: FileRecord, provider: string): Reply {
  state.ledger.of(provider).count('downloads');
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${file.filename.replace(/[^\x20-\x7e]|["\\]/g, '_')}"`,
    },
    body: { path: state.blobs.path(file.blob), bytes: file.bytes },
  };
}

async function deleteFile(state: SandboxState, call: Call): Promise<Reply> {
  const id = call.names[0] ?? '';
  const file = state.files.find(id, call.account, state.clock.now());
  if (file === undefined) return notFound(`No such File object: ${id}`, 'id');
  state.files.remove(id);
  // A blob read by someone right now stays readable until it is closed.
  await state.blobs.remove(file.blob);
  return jsonReply(200, { id, object: 'file', deleted: true });
}

function listFiles(state: SandboxState, call: Call): Reply {
  const limit = readLimit(call, MAX_LIMIT, MAX_LIMIT);
  if (typeof limit !== 'number') return errorReply(400, limit);
  const order = call.query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc') {
    return badRequest(`Invalid value: '${order}'. Supported values are: 'asc' and 'desc'.`, 'order', 'invalid_value');
  }
  const nowMs = state.clock.now();
  const after = call.query.get('after') ?? undefined;
  if (after !== undefined && state.files.find(after, call.account, nowMs) === undefined) {
    return badRequest(`No such File object: ${after}`, 'after');
  }
  const purpose = call.query.get('purpose') ?? undefined;
  const files = state.files.list({ account: call.account, nowMs, order, limit: limit + 1, after, purpose });
  return listReply(files.map(fileObject), limit);
}
