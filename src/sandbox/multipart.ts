/** What the parser tells about the parts, in the order they come. */
export interface MultipartHandlers {
  field(name: string, value: string): void;
  fileStart(name: string, filename: string): void;
  fileData(data: Buffer): Promise<void>;
}

/** The body is not multipart as announced; the message is for the client. */
export class MultipartError extends Error {}

interface PartHead {
  name: string;
  filename: string | undefined;
}

const MAX_HEAD_BYTES = 16 * 1024;
const MAX_FIELD_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** The boundary of a `content-type` header, or `undefined` when it is not multipart. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^multipart\/form-data/i.test(contentType)) return undefined;
  const match = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

/**
 * Reads a multipart body as a stream: file bytes are handed on as they come, at most one chunk is held back.
 * Works on whatever node:http delivers, so chunked and length-delimited bodies are the same here.
 */
export async function parseMultipart(
  body: AsyncIterable<Buffer>,
  boundary: string,
  handlers: MultipartHandlers,
): Promise<void> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // A virtual line break before the first boundary makes it look like all the others.
  let held: Buffer = Buffer.from('\r\n');
  let state: 'preamble' | 'after-delimiter' | 'head' | 'data' | 'done' = 'preamble';
  let part: PartHead | undefined;
  let fieldBytes: Buffer[] = [];

  const takeData = async (data: Buffer): Promise<void> => {
    if (part === undefined || data.length === 0) return;
    if (part.filename !== undefined) return handlers.fileData(data);
    fieldBytes.push(data);
    if (fieldBytes.reduce((sum, piece) => sum + piece.length, 0) > MAX_FIELD_BYTES) {
      throw new MultipartError('A form field is too long.');
    }
  };

  /** One step on the held bytes; false when more bytes are needed. */
  const step = async (): Promise<boolean> => {
    if (state === 'preamble' || state === 'data') {
      const end = held.indexOf(delimiter);
      if (end === -1) {
        const safe = Math.max(0, held.length - delimiter.length + 1);
        if (state === 'data') await takeData(held.subarray(0, safe));
        held = held.subarray(safe);
        return false;
      }
      if (state === 'data') {
        await takeData(held.subarray(0, end));
        if (part !== undefined && part.filename === undefined) {
          handlers.field(part.name, Buffer.concat(fieldBytes).toString('utf8'));
        }
      }
      held = held.subarray(end + delimiter.length);
      state = 'after-delimiter';
      return true;
    }
    if (state === 'after-delimiter') {
      if (held.length < 2) return false;
      state = held[0] === 0x2d && held[1] === 0x2d ? 'done' : 'head';
      return state === 'head';
    }
    if (state === 'head') {
      const end = held.indexOf(HEAD_END);
      if (end === -1) {
        if (held.length > MAX_HEAD_BYTES) throw new MultipartError('A part has no end of its headers.');
        return false;
      }
      part = parseHead(held.subarray(0, end).toString('utf8'));
      fieldBytes = [];
      if (part.filename !== undefined) handlers.fileStart(part.name, part.filename);
      held = held.subarray(end + HEAD_END.length);
      state = 'data';
      return true;
    }
    return false;
  };

  for await (const chunk of body) {
    if (isDone(state)) continue;
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (await step()) {
      // Each step shortens the held bytes or asks for more.
    }
  }
  if (!isDone(state)) throw new MultipartError('The multipart body ended before its last boundary.');
}

// A function, because the compiler does not see that `step` changes the state.
function isDone(state: string): boolean {
  return state === 'done';
}

function parseHead(text: string): PartHead {
  const disposition = /^content-disposition:(.*)$/im.exec(text)?.[1] ?? '';
  const name = parameter(disposition, 'name');
  if (name === undefined) throw new MultipartError('A part has no name.');
  return { name, filename: parameter(disposition, 'filename') };
}

function parameter(header: string, key: string): string | undefined {
  const match = new RegExp(`(?:^|;)\\s*${key}=(?:"((?:\\\\.|[^"\\\\])*)"|([^;\\s]+))`, 'i').exec(header);
  const value = match?.[1] ?? match?.[2];
  // Browsers and undici write quotes in names as %22; curl writes them as \".
  return value?.replace(/\\(["\\])/g, '$1').replaceAll('%22', '"');
}
