import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Item } from '../../source.ts';
import { createFilesSource, type FilesOptions } from './files-source.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'offpeak-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: string | Buffer = `text of ${path}`): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

async function itemsOf(options: FilesOptions = {}, signal?: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of createFilesSource({ directory: root, ...options }).items(signal)) items.push(item);
  return items;
}

async function keysOf(options: FilesOptions = {}): Promise<string[]> {
  return (await itemsOf(options)).map((item) => item.key);
}

describe('which files', () => {
  beforeEach(() => {
    for (const path of ['b.txt', 'a.md', '.hidden.txt', 'a/x.txt', 'a.d/y.txt', 'a/deep/z.txt', '.git/c.txt'])
      write(path);
  });

  it('takes the files of the folder itself, sorted, without hidden ones, and again the same', async () => {
    const first = await itemsOf();
    expect(first).toEqual([
      { key: 'a.md', position: 1, content: { type: 'text', name: 'a.md', text: 'text of a.md' } },
      { key: 'b.txt', position: 2, content: { type: 'text', name: 'b.txt', text: 'text of b.txt' } },
    ]);
    expect(await itemsOf()).toEqual(first);
  });

  it('walks depth first in byte order of the whole path', async () => {
    const keys = ['a.d/y.txt', 'a.md', 'a/deep/z.txt', 'a/x.txt', 'b.txt'];
    expect(await keysOf({ recursive: true })).toEqual(keys);
    expect(await keysOf({ pattern: '**' })).toEqual(keys);
    expect(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).toEqual(keys);
  });

  it.each<[FilesOptions, string[]]>([
    [{ pattern: '*.txt' }, ['b.txt']],
    [{ pattern: '**/*.txt' }, ['a.d/y.txt', 'a/deep/z.txt', 'a/x.txt', 'b.txt']],
    [{ pattern: '*.txt', recursive: true }, ['a.d/y.txt', 'a/deep/z.txt', 'a/x.txt', 'b.txt']],
    [{ pattern: 'a/*.txt' }, ['a/x.txt']],
    [{ pattern: './a/**' }, ['a/deep/z.txt', 'a/x.txt']],
    [{ pattern: '{a/deep,a.d}/*' }, ['a.d/y.txt', 'a/deep/z.txt']],
    [{ pattern: ['*.md', 'a/*'] }, ['a.md', 'a/x.txt']],
    [{ pattern: '*.pdf' }, []],
    [{ pattern: '.*.txt' }, ['.hidden.txt']],
    [{ pattern: '.git/*' }, ['.git/c.txt']],
    [{ hidden: true }, ['.hidden.txt', 'a.md', 'b.txt']],
    [{ hidden: true, pattern: '**/c*' }, ['.git/c.txt']],
    [{ pattern: '**', exclude: ['deep'] }, ['a.d/y.txt', 'a.md', 'a/x.txt', 'b.txt']],
    [{ pattern: '**', exclude: ['a/'] }, ['a.d/y.txt', 'a.md', 'b.txt']],
    [{ pattern: '**', exclude: ['a/**', '*.md'] }, ['a.d/y.txt', 'b.txt']],
    [{ pattern: '**', exclude: ['*.txt/'] }, ['a.d/y.txt', 'a.md', 'a/deep/z.txt', 'a/x.txt', 'b.txt']],
    [{ pattern: '**', limit: 2 }, ['a.d/y.txt', 'a.md']],
  ])('%j', async (options, keys) => {
    expect(await keysOf(options)).toEqual(keys);
  });

  it('filters by size and date, and numbers only what is left', async () => {
    write('big.txt', 'x'.repeat(100));
    utimesSync(join(root, 'a.md'), new Date('2020-01-01'), new Date('2020-01-01'));
    expect(await keysOf({ minBytes: 100 })).toEqual(['big.txt']);
    expect(await itemsOf({ maxBytes: 99, modifiedAfter: '2021-01-01' })).toMatchObject([{ key: 'b.txt', position: 1 }]);
    expect(await keysOf({ modifiedBefore: '2020-01-02' })).toEqual(['a.md']);
    expect(await keysOf({ modifiedBefore: '2020-01-01' })).toEqual([]);
    expect(await keysOf({ modifiedAfter: '2020-01-01' })).toEqual(['a.md', 'b.txt', 'big.txt']);
  });
});

describe('links and special files', () => {
  it('follows links, survives loops, and reports links to nowhere', async () => {
    write('a/x.txt');
    write('outside.md', 'elsewhere');
    symlinkSync('..', join(root, 'a', 'up'));
    symlinkSync('.', join(root, 'a', 'here'));
    symlinkSync('../outside.md', join(root, 'a', 'link.txt'));
    symlinkSync('nowhere', join(root, 'gone.txt'));
    symlinkSync('loop.txt', join(root, 'loop.txt'));
    symlinkSync('a', join(root, 'b'));
    symlinkSync('a', join(root, 'c'));
    const items = await itemsOf({ pattern: '**/*.txt' });
    expect(items.map((item) => item.key)).toEqual([
      'a/link.txt',
      'a/x.txt',
      'b/link.txt',
      'b/x.txt',
      'gone.txt',
      'loop.txt',
    ]);
    expect(items[0]?.content).toEqual({ type: 'text', name: 'link.txt', text: 'elsewhere' });
    expect(items[4]?.content).toMatchObject({ type: 'skip', code: 'missing' });
    expect(items[5]?.content).toMatchObject({
      type: 'skip',
      code: 'unreadable',
      message: expect.stringContaining('ELOOP'),
    });
  });

  it('ends on folders full of links to each other', async () => {
    const names = Array.from({ length: 9 }, (_, i) => `d${i}`);
    for (const name of names) write(`${name}/f.txt`);
    for (const from of names) for (const to of names) symlinkSync(`../${to}`, join(root, from, to));
    const keys = await keysOf({ recursive: true });
    expect(keys).toEqual(expect.arrayContaining(names.map((name) => `${name}/f.txt`)));
    expect(keys.length).toBeLessThan(40);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('does not hang at a pipe, walked or named, and takes no folder for a file', async () => {
    execFileSync('mkfifo', [join(root, 'pipe.txt')]);
    mkdirSync(join(root, 'folder.txt'));
    symlinkSync('pipe.txt', join(root, 'to-pipe.txt'));
    symlinkSync('folder.txt', join(root, 'to-folder.txt'));
    const skipped = (key: string) => ({ key, content: { type: 'skip', code: 'unreadable' } });
    expect(await itemsOf()).toMatchObject([skipped('pipe.txt'), skipped('to-pipe.txt')]);
    expect(await itemsOf({ files: ['pipe.txt', 'folder.txt'] })).toMatchObject([
      { content: { message: expect.stringContaining('pipe') } },
      { content: { code: 'unreadable', message: expect.stringContaining('directory') } },
    ]);
  });

  it('keeps odd names exactly, and shows the model the base name only', async () => {
    const odd = 'new\nline "quoted" \'x\' ..\\..\\ <b>.txt';
    write(`sub/x..dots/${odd}`, 'odd');
    write('sub/ü😀.txt', 'umlaut');
    expect(await itemsOf({ pattern: '**/*.txt' })).toMatchObject([
      { key: `sub/x..dots/${odd}`, content: { type: 'text', name: odd, text: 'odd' } },
      { key: 'sub/ü😀.txt', content: { name: 'ü😀.txt' } },
    ]);
  });

  it('reports names that are not UTF-8, each under a key of its own', async () => {
    for (const byte of [0xff, 0xfe]) writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([byte])]), 'x');
    const items = await itemsOf();
    expect(items.map((item) => item.key)).toEqual(['\ufffd', '\ufffd (2)']);
    expect(items[0]?.content).toMatchObject({ code: 'missing', message: expect.stringContaining('UTF-8') });
  });
});

describe('a list of files', () => {
  it('keeps the order and the paths as given, and skips what is named twice', async () => {
    write('b.txt', 'b');
    write('a.txt', 'a');
    const absolute = join(root, 'a.txt');
    const items = await itemsOf({
      files: ['b.txt', 'a.txt', './a.txt', absolute, 'b.txt', 'none.txt', 'b.txt (2)', 'x\0y'],
    });
    expect(items.map(({ key, content }) => [key, content.type === 'skip' ? content.code : content.type])).toEqual([
      ['b.txt', 'text'],
      ['a.txt', 'text'],
      ['./a.txt (2)', 'duplicate'],
      [`${absolute} (2)`, 'duplicate'],
      ['b.txt (3)', 'duplicate'],
      ['none.txt', 'missing'],
      ['b.txt (2)', 'missing'],
      ['x\0y', 'unreadable'],
    ]);
    expect(items[1]?.content).toEqual({ type: 'text', name: 'a.txt', text: 'a' });
  });

  it('reads outside the folder only what is named', async () => {
    write('in/x.txt');
    write('secret.txt', 'secret');
    const items = await itemsOf({ directory: join(root, 'in'), files: ['../secret.txt'] });
    expect(items).toMatchObject([{ key: '../secret.txt', content: { name: 'secret.txt', text: 'secret' } }]);
    expect(() => createFilesSource({ directory: root, pattern: '../*' })).toThrow(/\.\./);
  });
});

describe('errors and ends', () => {
  it('names a folder that is missing or none', async () => {
    const missing = join(root, 'none');
    await expect(itemsOf({ directory: missing })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(missing),
    });
    write('file.txt');
    await expect(itemsOf({ directory: join(root, 'file.txt') })).rejects.toMatchObject({ code: 'usage' });
    expect(await itemsOf()).toHaveLength(1);
  });

  it('stops when asked to', async () => {
    for (let i = 0; i < 100; i++) write(`${i}.txt`);
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = async () => {
      for await (const item of createFilesSource({ directory: root }).items(stop.signal)) {
        seen.push(item.key);
        if (seen.length === 3) stop.abort();
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: 'aborted' });
    expect(seen).toHaveLength(3);
    await expect(itemsOf({}, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });

  it('leaves no file open when the reader stops', async () => {
    for (let i = 0; i < 100; i++) write(`${i}.txt`);
    for await (const item of createFilesSource({ directory: root }).items()) if (item.position === 5) break;
    const open = execFileSync('sh', ['-c', `ls -l /proc/${process.pid}/fd`], { encoding: 'utf8' });
    expect(open).not.toContain(root);
  });
});

describe('the description', () => {
  it('builds the same source again, after JSON, in any folder', async () => {
    write('a/x.txt');
    const source = createFilesSource({ directory: root, pattern: '**/*.txt', limit: 5 });
    expect(source.description).toEqual({ type: 'files', directory: root, pattern: '**/*.txt', limit: 5 });
    const again = createFilesSource(JSON.parse(JSON.stringify(source.description)));
    expect(again.description).toEqual(source.description);
    const items: Item[] = [];
    for await (const item of again.items()) items.push(item);
    expect(items.map((item) => item.key)).toEqual(['a/x.txt']);
  });

  it('is the same for the same meaning', () => {
    const plain = createFilesSource({ directory: 'docs' }).description;
    expect(plain).toEqual({ type: 'files', directory: join(process.cwd(), 'docs') });
    const spelled = { directory: './docs/', pattern: ['*'], recursive: false, exclude: [], vision: false };
    expect(JSON.stringify(createFilesSource(spelled).description)).toBe(JSON.stringify(plain));
    const dated = createFilesSource({ directory: '/d', modifiedAfter: '2026-11-20T12:00+02:00' }).description;
    expect(dated).toEqual({ type: 'files', directory: '/d', modifiedAfter: '2026-11-20T10:00:00.000Z' });
    expect(createFilesSource({}).description).toEqual({ type: 'files', directory: process.cwd() });
  });

  it.each<[object, RegExp]>([
    [{ patern: '*' }, /"patern"/],
    [{ pattern: '/etc/*' }, /pattern/],
    [{ pattern: '!*.md' }, /exclude/],
    [{ limit: 0 }, /limit/],
    [{ modifiedAfter: 'soon' }, /modifiedAfter/],
    [{ files: ['a'], pattern: '*.md' }, /pattern/],
  ])('refuses %j', (options, words) => {
    expect(() => createFilesSource(options)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(words) }),
    );
  });
});
