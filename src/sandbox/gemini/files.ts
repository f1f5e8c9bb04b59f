import type { Call, Route } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { GEMINI } from './batch-details.ts';
import { badRequest, notFound } from './errors.ts';
import { fileObject, originOf } from './file-object.ts';
import type { GeminiFile, GeminiFileStore } from './file-store.ts';
import { pageToken, readPage } from './paging.ts';
import { type UploadContext, upload } from './uploads.ts';

/** `/v1beta/files` and its two relatives (contract sections 3.1 and 3.7). */
export function geminiFileRoutes(state: SandboxState, files: GeminiFileStore, settleDue: () => Promise<void>): Route[] {
  const uploads: UploadContext = { state, files, busy: new Set() };
  return [
    { method: 'POST', path: '/upload/v1beta/files', handler: (call) => upload(uploads, call) },
    {
      method: 'GET',
      path: '/v1beta/files',
      async handler(call) {
        await settleDue();
        return listFiles(state, files, call);
      },
    },
    { method: 'GET', path: '/v1beta/files/*:download', handler: (call) => download(state, files, call) },
    { method: 'GET', path: '/download/v1beta/files/*:download', handler: (call) => download(state, files, call) },
    {
      method: 'GET',
      path: '/v1beta/files/*',
      handler: (call) => withFile(state, files, call, (file) => jsonReply(200, fileObject(file, originOf(call)))),
    },
    { method: 'DELETE', path: '/v1beta/files/*', handler: (call) => deleteFile(state, files, call) },
  ];
}

function withFile<T>(
  state: SandboxState,
  files: GeminiFileStore,
  call: Call,
  answer: (file: GeminiFile) => T,
): T | Reply {
  const id = call.names[0] ?? '';
  const file = files.find(id, call.account, state.clock.now());
  if (file !== undefined) return answer(file);
  return notFound(`File files/${id} was not found.`);
}

function download(state: SandboxState, files: GeminiFileStore, call: Call): Reply {
  if (call.query.get('alt') !== 'media') return badRequest('To download a file, add alt=media to the query.');
  return withFile(state, files, call, (file) => {
    state.ledger.of(GEMINI).count('downloads');
    return {
      status: 200,
      headers: { 'content-type': 'application/octet-stream' },
      body: { path: state.blobs.path(file.blob), bytes: file.bytes },
    };
  });
}

function deleteFile(state: SandboxState, files: GeminiFileStore, call: Call): Promise<Reply> | Reply {
  return withFile(state, files, call, async (file): Promise<Reply> => {
    files.remove(file.id, file.account);
    // A blob read by someone right now stays readable until it is closed.
    await state.blobs.remove(file.blob);
    return jsonReply(200, {});
  });
}

function listFiles(state: SandboxState, files: GeminiFileStore, call: Call): Reply {
  const page = readPage(call, 10, 100);
  if ('refusal' in page) return page.refusal;
  const found = files.list(call.account, state.clock.now(), page.after, page.size + 1);
  const shown = found.slice(0, page.size);
  const last = shown.at(-1);
  return jsonReply(200, {
    ...(shown.length === 0 ? {} : { files: shown.map((file) => fileObject(file, originOf(call))) }),
    ...(found.length > shown.length && last !== undefined ? { nextPageToken: pageToken(last.id) } : {}),
  });
}
