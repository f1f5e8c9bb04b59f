import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkFileTarget, createFileTarget } from './file-target.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offpeak-sinks-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the file is at its name only after end, and nothing else is left', async () => {
  const path = join(folder, 'out.json');
  const target = createFileTarget(path);
  await target.write('one ');
  const [partial] = await readdir(folder);
  expect(partial).toMatch(/^\.out\.json\.[0-9a-f]{12}\.partial$/);
  await target.write('two');
  await target.end();
  expect(await readdir(folder)).toEqual(['out.json']);
  expect(await readFile(path, 'utf8')).toBe('one two');
});

test('abort leaves an older file as it was', async () => {
  const path = join(folder, 'out.json');
  await writeFile(path, 'old');
  const target = createFileTarget(path);
  await target.write('x'.repeat(200_000));
  await target.abort();
  await target.abort();
  expect(await readdir(folder)).toEqual(['out.json']);
  expect(await readFile(path, 'utf8')).toBe('old');
});

test('a replaced file keeps its rights, and a link stays a link', async () => {
  const path = join(folder, 'real.csv');
  await writeFile(path, 'old');
  await chmod(path, 0o600);
  await symlink('real.csv', join(folder, 'link.csv'));
  const target = createFileTarget(join(folder, 'link.csv'));
  await target.write('new');
  await target.end();
  expect((await lstat(join(folder, 'link.csv'))).isSymbolicLink()).toBe(true);
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a long name in any script, and lone surrogates in the text', async () => {
  const path = join(folder, `${'名'.repeat(80)}.md`);
  const target = createFileTarget(path);
  await target.write('a\ud800b');
  await target.end();
  expect(await readFile(path, 'utf8')).toBe('a\ufffdb');
});

test('a missing folder, a folder, a file in the way: known before anything is written', async () => {
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'sub'));
  const missing = join(folder, 'no', 'out.json');
  await expect(checkFileTarget(missing)).rejects.toMatchObject({
    code: 'not_found',
    message: `Cannot write results to ${missing}: the folder ${join(folder, 'no')} does not exist. Create it, or name another file.`,
  });
  await expect(createFileTarget(missing).write('x')).rejects.toMatchObject({ code: 'not_found' });
  await expect(checkFileTarget(join(folder, 'sub'))).rejects.toMatchObject({ code: 'usage' });
  await expect(checkFileTarget(join(folder, 'file', 'out.json'))).rejects.toMatchObject({ code: 'not_found' });
  await checkFileTarget(join(folder, 'fine.json'));
  expect(await readdir(folder)).toEqual(['file', 'sub']);
});

test.runIf(process.getuid?.() !== 0)('no right to write is said in words', async () => {
  await chmod(folder, 0o500);
  await expect(checkFileTarget(join(folder, 'out.json'))).rejects.toMatchObject({ code: 'usage' });
  await chmod(folder, 0o700);
});

test.runIf(process.platform === 'linux')('a full disk is said in words', async () => {
  const target = createFileTarget('/dev/full');
  await target.write('x');
  await expect(target.end()).rejects.toMatchObject({
    code: 'store_full',
    message: expect.stringMatching(/^Cannot write results to \/dev\/full: the disk is full\. Free some space/),
  });
  await target.abort();
  expect((await stat('/dev/full')).isCharacterDevice()).toBe(true);
});

test.runIf(process.platform === 'linux')('a pipe is written to, not replaced', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const read = readFile(path, 'utf8');
  const target = createFileTarget(path);
  await target.write('through');
  await target.end();
  expect(await read).toBe('through');
  expect((await stat(path)).isFIFO()).toBe(true);
});
