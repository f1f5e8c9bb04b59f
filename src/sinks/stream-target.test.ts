import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createStreamTarget } from './stream-target.ts';

test('writes in chunks, waits for the reader, and leaves the stream open', async () => {
  const chunks: string[] = [];
  let release = () => {};
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk);
      release = done;
    },
  });
  const target = createStreamTarget(stream);
  await target.write('small');
  expect(chunks).toEqual([]);
  let written = false;
  const writing = target.write('x'.repeat(70_000)).then(() => {
    written = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect([chunks.length, written]).toEqual([1, false]);
  release();
  await writing;
  await target.write('rest');
  const ending = target.end();
  await new Promise((resolve) => setImmediate(resolve));
  release();
  await ending;
  expect(chunks.at(-1)).toBe('rest');
  expect([stream.writableEnded, stream.listenerCount('error')]).toEqual([false, 0]);
});

test('another error than a reader that left is thrown', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk on fire')) });
  const target = createStreamTarget(stream);
  await expect(target.write('x'.repeat(70_000))).rejects.toMatchObject({
    message: expect.stringContaining('disk on fire'),
  });
});

test('a reader that leaves ends the output quietly', async () => {
  const script = `
    import { createStreamTarget } from ${JSON.stringify(new URL('./stream-target.ts', import.meta.url).href)};
    const target = createStreamTarget(process.stdout);
    for (let i = 0; i < 10_000; i++) await target.write('x'.repeat(1000));
    await target.end();
    process.stderr.write('done');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = await once(child, 'close');
  expect([code, errors]).toEqual([0, 'done']);
});
