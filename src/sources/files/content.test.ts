import { execFileSync } from 'node:child_process';
import * as nodeFs from 'node:fs';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDocx, makePdf, makeZip } from '../../../test/fixtures/files/sample-documents.ts';
import type { ItemContent } from '../../source.ts';
import { createFilesSource, type FilesOptions } from './files-source.ts';
import type { FileSystem } from './read-file.ts';

const images = join(import.meta.dirname, '../../../test/fixtures/files/images');
const megabyte = 1_048_576;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'offpeak-content-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function read(
  bytes: string | Buffer,
  options: FilesOptions = {},
  name = 'file.txt',
  fs?: FileSystem,
): Promise<ItemContent> {
  writeFileSync(join(root, name), bytes);
  for await (const item of createFilesSource({ directory: root, files: [name], ...options }, fs).items())
    return item.content;
  throw new Error('no item');
}

async function textOf(bytes: Buffer, options: FilesOptions = {}): Promise<string> {
  const content = await read(bytes, options);
  return content.type === 'text' ? content.text : `${content.type} ${'message' in content ? content.message : ''}`;
}

const skip = (code: string, words = '') => ({ type: 'skip', code, message: expect.stringContaining(words) });

describe('text', () => {
  it('skips empty files and white space', async () => {
    expect(await read('')).toMatchObject(skip('empty'));
    expect(await read(' \r\n\t\u00a0\u2003')).toMatchObject(skip('empty', 'white space'));
    expect(await read('\ufeff')).toMatchObject(skip('empty'));
    expect(await read(Buffer.from([0xff, 0xfe]))).toMatchObject(skip('empty'));
  });

  it('takes up to the limit and not a byte more', async () => {
    expect(await read('x'.repeat(megabyte))).toMatchObject({ type: 'text' });
    expect(await read('x'.repeat(megabyte + 1))).toMatchObject(skip('too_large', '1,048,577'));
    expect(await read('x'.repeat(megabyte + 1))).toMatchObject(skip('too_large', '--max-file-size'));
    expect(await read('x'.repeat(megabyte + 1), { maxTextBytes: 2 * megabyte })).toMatchObject({ type: 'text' });
    expect(await read('abcd', { maxTextBytes: 3 })).toMatchObject(skip('too_large'));
  });

  it('reads no more than the beginning of what is too large', async () => {
    let bytes = 0;
    const read_ = (...call: unknown[]) => {
      bytes += Number(call[3]);
      Reflect.apply(nodeFs.read, nodeFs, call);
    };
    const counting = { ...nodeFs, read: read_ as typeof nodeFs.read };
    expect(await read('x'.repeat(megabyte * 3), {}, 'big.txt', counting)).toMatchObject(skip('too_large'));
    expect(bytes).toBeLessThanOrEqual(4096);
  });

  it('tells binary data, whatever the name', async () => {
    expect(await read(Buffer.from('text \0 text'), {}, 'a.md')).toMatchObject(skip('binary'));
    expect(await read(makeZip([{ name: 'a.txt', data: Buffer.from('a') }]))).toMatchObject(skip('binary', 'zip'));
    expect(await read(Buffer.from('d0cf11e0a1b11ae1', 'hex'))).toMatchObject(skip('binary', 'DOCX'));
  });

  it('takes texts for text that begin like an image', async () => {
    expect(await read('BMW builds cars, and this is a text about them.')).toMatchObject({ type: 'text' });
    expect(await read('GIF89a is the name of a format.')).toMatchObject({ type: 'text' });
    expect(await read('RIFF is one too')).toMatchObject({ type: 'text' });
  });
});

describe('images', () => {
  it.each(['sales_chart.png', 'test_colors.png', 'test_image.png'])('%s, also under a text name', async (file) => {
    const bytes = readFileSync(join(images, file));
    const expected = { type: 'image', name: 'story.txt', mediaType: 'image/png', base64: bytes.toString('base64') };
    expect(await read(bytes, {}, 'story.txt')).toEqual(expected);
    expect(await read(bytes, { vision: true }, 'story.txt')).toEqual(expected);
    expect(await read(bytes, { maxTextBytes: 10 }, 'story.txt')).toEqual(expected);
    expect(await read(bytes, { maxImageBytes: 100 })).toMatchObject(skip('too_large'));
    expect(await read(bytes, { maxImageBytes: 100, maxTextBytes: 10 })).toMatchObject(skip('too_large', 'image'));
  });

  it.each([
    ['image/gif', 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'],
    ['image/webp', 'UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA'],
    ['image/bmp', 'Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAATCwAAEwsAAAAAAAAAAAAA////AA=='],
    [
      'image/jpeg',
      '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=',
    ],
  ])('%s', async (mediaType, base64) => {
    expect(await read(Buffer.from(base64, 'base64'))).toMatchObject({ type: 'image', mediaType, base64 });
  });

  it('is no picture by its first bytes alone', async () => {
    const png = readFileSync(join(images, 'test_image.png'));
    expect(await read(png.subarray(0, 8))).toMatchObject(skip('unreadable', 'image/png'));
    expect(await read(png.subarray(0, 33))).toMatchObject(skip('unreadable', 'no picture'));
    expect(await read(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]))).toMatchObject(skip('unreadable', 'image/jpeg'));
  });

  it('with vision, anything else is unsupported', async () => {
    expect(await read('a text', { vision: true })).toMatchObject(skip('unsupported'));
    expect(await read(makePdf(['a']), { vision: true })).toMatchObject(skip('unsupported'));
    expect(await read('x'.repeat(2 * megabyte), { vision: true })).toMatchObject(skip('unsupported'));
    expect(await read('', { vision: true })).toMatchObject(skip('empty'));
  });
});

describe('PDF', () => {
  it('gives the text, pages separated by a blank line', async () => {
    expect(await textOf(makePdf(['First page', '', 'Third page']))).toBe('First page\n\nThird page');
  });

  it('says why there is none', async () => {
    expect(await read(makePdf(['']))).toMatchObject(skip('empty', 'text layer'));
    expect(await read('%PDF-1.4 and then nonsense')).toMatchObject(skip('unreadable', 'damaged'));
    const rc4 =
      '/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <' +
      '41'.repeat(32) +
      '> /U <' +
      '42'.repeat(32) +
      '> >> /ID [<41><41>] ';
    expect(await read(makePdf(['secret'], rc4))).toMatchObject(skip('unreadable', 'password'));
  });

  it('may be bigger than a text, but its text may not', async () => {
    const pdf = makePdf(['Some words on the page']);
    expect(await textOf(pdf, { maxTextBytes: 100 })).toBe('Some words on the page');
    expect(await read(pdf, { maxTextBytes: 10 })).toMatchObject(skip('too_large', 'text of'));
    expect(await read(pdf, { maxTextBytes: 100, maxImageBytes: 200 })).toMatchObject(skip('too_large', 'document'));
  });
});

describe('Word', () => {
  it('gives the text, paragraphs separated by blank lines', async () => {
    expect(await textOf(makeDocx(['One', 'Two &amp; ü']))).toBe('One\n\nTwo & ü\n\n');
    expect(await textOf(makeDocx(['Packed'], { deflate: true }))).toBe('Packed\n\n');
  });

  it('gives no half characters and no NUL', async () => {
    const text = await textOf(makeDocx(['a&#xD800;b']));
    expect(text.isWellFormed()).toBe(true);
    expect(text).toContain('b');
  });

  it('says why there is no text', async () => {
    expect(await read(makeDocx(['']))).toMatchObject(skip('empty'));
    expect(await read(makeDocx(['<unclosed>']))).toMatchObject({ type: 'skip' });
    const whole = makeDocx(['One']);
    expect(await read(whole.subarray(0, whole.length - 30))).toMatchObject(skip('binary'));
    expect(await read(makeDocx(['Some words']), { maxTextBytes: 5 })).toMatchObject(skip('too_large'));
  });

  it('refuses bombs quickly, honest ones and those that lie about their size', async () => {
    const huge = 'x'.repeat(120 * megabyte);
    const start = performance.now();
    const honest = makeDocx([huge], { deflate: true });
    const lying = makeDocx([huge], { deflate: true, declaredBytes: 1000 });
    const dense = makeDocx(['x'.repeat(5 * megabyte)], { deflate: true });
    const made = performance.now();
    expect(await read(dense)).toMatchObject(skip('too_large', 'hundred times'));
    expect(honest.length).toBeLessThan(megabyte);
    expect(await read(honest)).toMatchObject(skip('too_large', 'unpacks'));
    expect(await read(lying)).toMatchObject(skip('too_large', 'more than it declares'));
    expect(performance.now() - made).toBeLessThan(Math.max(1000, (made - start) / 2));
  });
});

describe('faults', () => {
  const failing = (call: 'open' | 'read' | 'fstat', code: string, words: string): FileSystem => {
    const error = Object.assign(new Error(`${code}: ${words}, ${call} '/secret/path'`), { code, syscall: call });
    const fail = (...args: unknown[]) => process.nextTick(args.at(-1) as (error: Error) => void, error);
    return { ...nodeFs, [call]: fail };
  };

  it.each([
    ['open', 'EACCES', 'permission denied'],
    ['read', 'EIO', 'i/o error'],
    ['fstat', 'ESTALE', 'stale file handle'],
  ] as const)('%s fails with %s', async (call, code, words) => {
    const content = await read('text', {}, 'f.txt', failing(call, code, words));
    expect(content).toMatchObject(skip('unreadable', `${words} (${code})`));
    expect(JSON.stringify(content)).not.toContain('/secret');
  });

  it('a file that vanishes is missing', async () => {
    expect(await read('text', {}, 'f.txt', failing('open', 'ENOENT', 'no such file'))).toMatchObject(skip('missing'));
  });

  it('a file that becomes a pipe between the look and the open does not hang it', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const regular = join(images, 'test_image.png');
    const statOther = (_path: string, done: (error: Error | null, stats: nodeFs.Stats) => void) =>
      nodeFs.stat(regular, done);
    const stat = statOther as unknown as typeof nodeFs.stat;
    for await (const item of createFilesSource({ directory: root, files: ['pipe'] }, { ...nodeFs, stat }).items()) {
      expect(item.content).toMatchObject(skip('unreadable', 'pipe'));
    }
  });

  it('a file that changes under the reader is not sent half', async () => {
    const cut = (path: string, bytes: string): FileSystem => ({
      ...nodeFs,
      read: ((...args: unknown[]) => {
        writeFileSync(path, bytes);
        Reflect.apply(nodeFs.read, nodeFs, args);
      }) as typeof nodeFs.read,
    });
    expect(await read('text', {}, 'f.txt', cut(join(root, 'f.txt'), 'te'))).toMatchObject(
      skip('unreadable', 'changed'),
    );
    expect(await read('text', {}, 'f.txt', cut(join(root, 'f.txt'), 'text and more'))).toMatchObject(
      skip('unreadable', 'changed'),
    );
  });
});
