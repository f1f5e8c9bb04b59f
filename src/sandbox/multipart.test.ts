import { describe, expect, test } from 'vitest';
import { boundaryOf, MultipartError, parseMultipart } from './multipart.ts';

interface Parsed {
  fields: Record<string, string>;
  filename: string | undefined;
  file: string;
}

async function parse(body: Buffer, boundary: string, chunkBytes: number): Promise<Parsed> {
  const parsed: Parsed = { fields: {}, filename: undefined, file: '' };
  const pieces: Buffer[] = [];
  async function* chunks() {
    for (let at = 0; at < body.length; at += chunkBytes) yield body.subarray(at, at + chunkBytes);
  }
  await parseMultipart(chunks(), boundary, {
    field(name, value) {
      parsed.fields[name] = value;
    },
    fileStart(_, filename) {
      parsed.filename = filename;
    },
    async fileData(data) {
      pieces.push(Buffer.from(data));
    },
  });
  parsed.file = Buffer.concat(pieces).toString('utf8');
  return parsed;
}

const CONTENT = 'line one\r\n--not-the-boundary\r\n\r\nzwei ä\n--b';
const BODY = Buffer.from(
  [
    '--b0und',
    'CONTENT-DISPOSITION: form-data; NAME="file"; filename="a \\"b\\".jsonl"',
    'content-type: application/octet-stream',
    '',
    CONTENT,
    '--b0und',
    'Content-Disposition: form-data; name=purpose',
    '',
    'batch',
    '--b0und',
    'Content-Disposition: form-data; name="empty"',
    '',
    '',
    '--b0und--',
    '',
  ].join('\r\n'),
);

describe('parseMultipart', () => {
  test('gives the same at every chunk size, file before purpose', async () => {
    for (let chunkBytes = 1; chunkBytes <= BODY.length; chunkBytes++) {
      expect(await parse(BODY, 'b0und', chunkBytes)).toEqual({
        fields: { purpose: 'batch', empty: '' },
        filename: 'a "b".jsonl',
        file: CONTENT,
      });
    }
  });

  test('a body cut anywhere is an error, never a short file', async () => {
    for (let length = 0; length < BODY.length - 4; length++) {
      await expect(parse(BODY.subarray(0, length), 'b0und', 7)).rejects.toBeInstanceOf(MultipartError);
    }
  });

  test('reads the boundary with and without quotes', () => {
    expect(boundaryOf('multipart/form-data; boundary="a b"')).toBe('a b');
    expect(boundaryOf('Multipart/Form-Data; charset=utf-8; Boundary=x1')).toBe('x1');
    expect(boundaryOf('application/json')).toBeUndefined();
  });
});
