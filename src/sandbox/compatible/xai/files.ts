import { randomUUID } from 'node:crypto';
import type { Call, Route } from '../../call.ts';
import { boundaryOf, MultipartError } from '../../multipart.ts';
import { fileObject as openAiFileObject } from '../../openai/file-object.ts';
import type { FileRecord } from '../../openai/file-store.ts';
import { storedFileRoutes } from '../../openai/files.ts';
import { receive, type Upload } from '../../openai/uploads.ts';
import { jsonReply, type Reply } from '../../reply.ts';
import type { SandboxState } from '../../state.ts';
import { XAI } from './batch-details.ts';
import { xaiError } from './errors.ts';

const LEAST_EXPIRY_S = 3600;
const MOST_EXPIRY_S = 2_592_000;

/** `/v1/files`: as OpenAI's, but for the upload. A list of all files is not emulated. */
export function xaiFileRoutes(state: SandboxState): Route[] {
  return [
    { method: 'POST', path: '/v1/files', handler: (call) => upload(state, call) },
    ...storedFileRoutes(state, XAI, fileObject),
  ];
}

/** Nothing in the file is judged before a batch is made of it. */
async function upload(state: SandboxState, call: Call): Promise<Reply> {
  const boundary = boundaryOf(call.request.headers['content-type']);
  if (boundary === undefined) {
    call.request.resume();
    return xaiError(400, 'file is required.');
  }
  const blob = await state.blobs.create();
  try {
    const form = await receive(call, boundary, blob, state.settings.limits.maxFileBytes);
    const problem = problemOf(form, state.settings.limits.maxFileBytes);
    if (problem !== undefined) {
      await blob.discard();
      return xaiError(400, problem);
    }
    const id = `file_${randomUUID()}`;
    await blob.keep(id);
    const createdMs = state.clock.now();
    const seconds = form.fields.get('expires_after');
    const file: FileRecord = {
      id,
      account: call.account,
      filename: form.filename ?? '',
      bytes: blob.bytes,
      // What stands there when none was given is unconfirmed.
      purpose: form.fields.get('purpose') ?? '',
      blob: id,
      createdMs,
      expiresMs: seconds === undefined ? null : createdMs + Number(seconds) * 1000,
    };
    state.files.insert(file);
    state.ledger.of(XAI).count('uploads');
    return jsonReply(200, fileObject(file));
  } catch (error) {
    await blob.discard();
    if (error instanceof MultipartError) return xaiError(400, error.message);
    throw error;
  }
}

/** The texts are unconfirmed. */
function problemOf({ fields, early, filename, tooLarge }: Upload, maxBytes: number): string | undefined {
  if (filename === undefined) return 'file is required.';
  if (tooLarge) return `The file is larger than ${maxBytes} bytes.`;
  const expiry = fields.get('expires_after');
  if (expiry === undefined) return undefined;
  if (!early.has('expires_after')) return 'expires_after must come before the file.';
  const seconds = /^\d+$/.test(expiry) ? Number(expiry) : 0;
  const inRange = seconds >= LEAST_EXPIRY_S && seconds <= MOST_EXPIRY_S;
  return inRange ? undefined : `expires_after must be from ${LEAST_EXPIRY_S} to ${MOST_EXPIRY_S} seconds.`;
}

/** As OpenAI's, without a status. */
function fileObject(file: FileRecord): Record<string, unknown> {
  const { status: _, status_details: __, ...object } = openAiFileObject(file);
  return object;
}
