import type { BlobWriter } from '../blobs.ts';
import type { Call } from '../call.ts';
import { parseJson } from '../json.ts';
import { readLines } from '../lines.ts';
import { boundaryOf, MultipartError, parseMultipart } from '../multipart.ts';
import { randomBase62 } from '../random.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { badRequest, errorReply, invalidRequest } from './errors.ts';
import { fileObject } from './file-object.ts';
import type { FileRecord } from './file-store.ts';

const BATCH_FILE_EXPIRY_S = 30 * 24 * 3600;
const LEAST_EXPIRY_S = 3600;
const MOST_EXPIRY_S = 2_592_000;
const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'];

export interface Upload {
  fields: Map<string, string>;
  /** Those that came before the file. */
  early: ReadonlySet<string>;
  filename: string | undefined;
  tooLarge: boolean;
}

/** Whose files they are, and what the purpose of a batch's input is called there. */
export interface FileRules {
  provider: string;
  purpose: string;
}

/** POST /v1/files (contract section 1.2): streamed to disk, then checked. */
export async function uploadFile(state: SandboxState, call: Call, rules: FileRules): Promise<Reply> {
  const boundary = boundaryOf(call.request.headers['content-type']);
  if (boundary === undefined) {
    call.request.resume();
    return badRequest("Missing required parameter: 'file'.", 'file', 'missing_required_parameter');
  }
  const blob = await state.blobs.create();
  try {
    const upload = await receive(call, boundary, blob, state.settings.limits.maxFileBytes);
    translatePurpose(upload, rules.purpose);
    const name = `upload-${randomBase62(16)}`;
    const problem = uploadProblem(upload, blob.bytes);
    if (problem !== undefined) {
      await blob.discard();
      return problem;
    }
    await blob.keep(name);
    if (upload.fields.get('purpose') === 'batch' && !(await startsWithJson(state.blobs.path(name)))) {
      await state.blobs.remove(name);
      return badRequest('Invalid file format for Batch API. Must be .jsonl');
    }
    return jsonReply(
      200,
      fileObject(
        store(state, { account: call.account, provider: rules.provider }, upload, { blob: name, bytes: blob.bytes }),
      ),
    );
  } catch (error) {
    await blob.discard();
    if (error instanceof MultipartError) return badRequest(error.message);
    throw error;
  }
}

/** Reads a form whose part `file` goes to disk. */
export async function receive(call: Call, boundary: string, blob: BlobWriter, maxBytes: number): Promise<Upload> {
  const early = new Set<string>();
  const upload: Upload = { fields: new Map(), early, filename: undefined, tooLarge: false };
  let inFile = false;
  await parseMultipart(call.request as AsyncIterable<Buffer>, boundary, {
    field(name, value) {
      upload.fields.set(name, value);
      if (upload.filename === undefined) early.add(name);
    },
    fileStart(name, filename) {
      inFile = name === 'file' && upload.filename === undefined;
      if (inFile) upload.filename = filename;
    },
    async fileData(data) {
      if (!inFile) return;
      // What is too large is still read to its end, so that the client gets to see the answer.
      if (blob.bytes + data.length > maxBytes) upload.tooLarge = true;
      else await blob.write(data);
    },
  });
  return upload;
}

/** Files are kept under OpenAI's name of the purpose; that name means nothing to a server with another one. */
function translatePurpose({ fields }: Upload, name: string): void {
  const given = fields.get('purpose');
  if (given === undefined || name === 'batch') return;
  if (given === name) fields.set('purpose', 'batch');
  else if (given === 'batch') fields.set('purpose', 'batch, which here is no purpose');
}

function uploadProblem(upload: Upload, bytes: number): Reply | undefined {
  const { fields, filename } = upload;
  if (filename === undefined)
    return badRequest("Missing required parameter: 'file'.", 'file', 'missing_required_parameter');
  const purpose = fields.get('purpose');
  if (purpose === undefined) {
    return badRequest("Missing required parameter: 'purpose'.", 'purpose', 'missing_required_parameter');
  }
  if (!PURPOSES.includes(purpose)) {
    return badRequest(
      `'${purpose}' is not one of [${PURPOSES.map((p) => `'${p}'`).join(', ')}] - 'purpose'`,
      'purpose',
    );
  }
  if (upload.tooLarge) {
    return errorReply(413, invalidRequest('The file is larger than the maximum size of a batch input file.', 'file'));
  }
  if (expirySeconds(fields) === 'invalid') {
    return badRequest(
      `Invalid 'expires_after': the anchor must be 'created_at' and the seconds from ${LEAST_EXPIRY_S} to ${MOST_EXPIRY_S}.`,
      'expires_after',
      'invalid_value',
    );
  }
  if (purpose !== 'batch') return undefined;
  // A real recorded upload named "upload", without extension, was accepted: only a wrong extension is refused.
  const wrongName = filename.includes('.') && !filename.toLowerCase().endsWith('.jsonl');
  return wrongName || bytes === 0 ? badRequest('Invalid file format for Batch API. Must be .jsonl') : undefined;
}

function expirySeconds(fields: Map<string, string>): number | undefined | 'invalid' {
  const anchor = fields.get('expires_after[anchor]');
  const text = fields.get('expires_after[seconds]');
  if (anchor === undefined && text === undefined) return undefined;
  const seconds = Number(text);
  const inRange = Number.isInteger(seconds) && seconds >= LEAST_EXPIRY_S && seconds <= MOST_EXPIRY_S;
  return anchor === 'created_at' && inRange ? seconds : 'invalid';
}

/** A file whose first line is fine is accepted; later lines are judged when a batch is made of it. */
async function startsWithJson(path: string): Promise<boolean> {
  for await (const lines of readLines(path)) {
    const first = parseJson(lines[0]?.toString('utf8') ?? '');
    return typeof first === 'object' && first !== null;
  }
  return false;
}

function store(
  state: SandboxState,
  { account, provider }: { account: string; provider: string },
  upload: Upload,
  { blob, bytes }: { blob: string; bytes: number },
): FileRecord {
  const createdMs = state.clock.now();
  const purpose = upload.fields.get('purpose') ?? '';
  const asked = expirySeconds(upload.fields);
  const seconds = typeof asked === 'number' ? asked : purpose === 'batch' ? BATCH_FILE_EXPIRY_S : undefined;
  const file: FileRecord = {
    id: `file-${randomBase62(22)}`,
    account,
    filename: upload.filename ?? '',
    bytes,
    purpose,
    blob,
    createdMs,
    expiresMs: seconds === undefined ? null : createdMs + seconds * 1000,
  };
  state.files.insert(file);
  state.ledger.of(provider).count('uploads');
  return file;
}
