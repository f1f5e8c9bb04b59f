import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Call } from '../call.ts';
import { asString, isObject, type JsonObject, parseJson } from '../json.ts';
import { randomBase62 } from '../random.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { GEMINI } from './batch-details.ts';
import { badRequest, geminiError, notFound, refuse } from './errors.ts';
import { field } from './field.ts';
import { fileObject, originOf } from './file-object.ts';
import type { GeminiFile, GeminiFileStore, UploadSession } from './file-store.ts';

const FILE_LIFE_MS = 48 * 3_600_000;
const MAX_START_BYTES = 64 * 1024;
const MAX_DISPLAY_NAME = 512;
const FILE_NAME = /^files\/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** What uploads need beside the call. */
export interface UploadContext {
  state: SandboxState;
  files: GeminiFileStore;
  /** Sessions a chunk is being written to right now, in this process. */
  busy: Set<string>;
}

/** POST /upload/v1beta/files: the start of a resumable upload, or with `upload_id` one of its chunks (section 3.7). */
export async function upload(context: UploadContext, call: Call): Promise<Reply> {
  const id = call.query.get('upload_id');
  if (id === null) return startUpload(context, call);
  const session = context.files.findSession(id);
  if (session === undefined) return notFound('The upload does not exist.');
  const commands = headerOf(call, 'x-goog-upload-command')
    .split(',')
    .map((command) => command.trim());
  if (commands.includes('query')) return sessionReply(context, session);
  if (session.status !== 'active') return badRequest('Upload has already been terminated.');
  if (commands.includes('cancel')) {
    context.files.saveSession({ ...session, status: 'cancelled' });
    await context.state.blobs.remove(session.blob);
    return sessionReply(context, { ...session, status: 'cancelled' });
  }
  const isFinal = commands.includes('finalize');
  if (!isFinal && !commands.includes('upload')) return badRequest('Missing or unknown X-Goog-Upload-Command.');
  if (context.busy.has(id)) return badRequest('Another request is writing to this upload.');
  context.busy.add(id);
  try {
    const problem = commands.includes('upload') ? await receive(context, call, session) : undefined;
    if (problem !== undefined) return problem;
    return isFinal ? await finish(context, call, session) : await sessionReply(context, session);
  } finally {
    context.busy.delete(id);
  }
}

async function startUpload(context: UploadContext, call: Call): Promise<Reply> {
  const { state, files } = context;
  if (headerOf(call, 'x-goog-upload-protocol') !== 'resumable' || headerOf(call, 'x-goog-upload-command') !== 'start') {
    return badRequest('The sandbox knows only resumable uploads: X-Goog-Upload-Protocol: resumable and command start.');
  }
  const metadata = await readMetadata(call);
  if (metadata === undefined) return badRequest('Invalid JSON payload received.');
  const name = asString(metadata.name);
  if (name !== undefined && !FILE_NAME.test(name)) {
    return badRequest(
      '* CreateFileRequest.file.name: must be files/ and up to 40 lowercase letters, digits or dashes.\n',
    );
  }
  const displayName = asString(field(metadata, 'displayName')) ?? null;
  if (displayName !== null && displayName.length > MAX_DISPLAY_NAME) {
    return badRequest(`* CreateFileRequest.file.display_name: must have at most ${MAX_DISPLAY_NAME} characters.\n`);
  }
  const declared = headerOf(call, 'x-goog-upload-header-content-length') || asString(field(metadata, 'sizeBytes'));
  const declaredBytes = declared === undefined ? null : Number(declared);
  const { geminiFileBytes } = state.settings.limits;
  if ((declaredBytes ?? 0) > geminiFileBytes) return tooLarge(geminiFileBytes);
  const fileId = name?.slice('files/'.length) ?? randomFileId();
  if (files.find(fileId, call.account, state.clock.now()) !== undefined) return nameTaken(fileId);
  const id = randomBase62(32);
  const mimeType =
    headerOf(call, 'x-goog-upload-header-content-type') ||
    (asString(field(metadata, 'mimeType')) ?? 'application/octet-stream');
  const blob = `gemini-${id}`;
  files.saveSession({
    id,
    account: call.account,
    fileId,
    displayName,
    mimeType,
    declaredBytes,
    blob,
    status: 'active',
  });
  const url = `${originOf(call)}${call.path}?upload_id=${id}&upload_protocol=resumable`;
  return { status: 200, headers: { 'x-goog-upload-url': url, 'x-goog-upload-status': 'active' }, body: '' };
}

/** The description of the file, if one was sent; `undefined` when it is not JSON. */
async function readMetadata(call: Call): Promise<JsonObject | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of call.request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_START_BYTES) chunks.push(chunk);
  }
  if (bytes === 0) return {};
  const body = parseJson(Buffer.concat(chunks).toString('utf8'));
  if (!isObject(body)) return undefined;
  return isObject(body.file) ? body.file : {};
}

/** Appends the chunk as it comes. What came before a broken connection stays, and counts for the next offset. */
async function receive(context: UploadContext, call: Call, session: UploadSession): Promise<Reply | undefined> {
  const { geminiFileBytes } = context.state.settings.limits;
  const handle = await open(context.state.blobs.path(session.blob), 'a');
  try {
    const offset = Number(headerOf(call, 'x-goog-upload-offset'));
    let size = (await handle.stat()).size;
    if (offset !== size) {
      return badRequest(`The upload offset ${offset} does not match the ${size} bytes received so far.`);
    }
    let refusal: Reply | undefined;
    for await (const chunk of call.request as AsyncIterable<Buffer>) {
      // What is too large is still read to its end, so that the client gets to see the answer.
      if (size + chunk.length > geminiFileBytes) refusal = tooLarge(geminiFileBytes);
      if (refusal !== undefined) continue;
      await handle.writeFile(chunk);
      size += chunk.length;
    }
    return refusal;
  } finally {
    await handle.close();
  }
}

async function finish(context: UploadContext, call: Call, session: UploadSession): Promise<Reply> {
  const { state, files } = context;
  const path = state.blobs.path(session.blob);
  await (await open(path, 'a')).close();
  const { size } = await stat(path);
  if (session.declaredBytes !== null && session.declaredBytes !== size) {
    return badRequest(`The upload was announced with ${session.declaredBytes} bytes but has ${size}.`);
  }
  const createdMs = state.clock.now();
  const file: GeminiFile = {
    id: session.fileId,
    account: session.account,
    displayName: session.displayName,
    mimeType: session.mimeType,
    bytes: size,
    sha256: await sha256Of(path),
    blob: session.blob,
    createdMs,
    expiresMs: createdMs + FILE_LIFE_MS,
    source: 'UPLOADED',
  };
  if (!files.insert(file)) return nameTaken(file.id);
  files.saveSession({ ...session, status: 'final' });
  state.ledger.of(GEMINI).count('uploads');
  return jsonReply(200, { file: fileObject(file, originOf(call)) }, { 'x-goog-upload-status': 'final' });
}

async function sessionReply(context: UploadContext, session: UploadSession): Promise<Reply> {
  const received = await stat(context.state.blobs.path(session.blob)).catch(() => undefined);
  return {
    status: 200,
    headers: {
      'x-goog-upload-status': session.status,
      'x-goog-upload-size-received': String(received?.size ?? 0),
    },
    body: '',
  };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('base64');
}

function tooLarge(maxBytes: number): Reply {
  return badRequest(`The file is larger than the maximum of ${maxBytes} bytes.`);
}

function nameTaken(id: string): Reply {
  return refuse(geminiError(409, `File files/${id} already exists.`));
}

function randomFileId(): string {
  return randomBase62(12).toLowerCase();
}

function headerOf(call: Call, name: string): string {
  const value = call.request.headers[name];
  return typeof value === 'string' ? value : '';
}
