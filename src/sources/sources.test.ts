import { expect, it } from 'vitest';
import { createSource } from './sources.ts';

it('builds each source by its type', () => {
  expect(createSource({ type: 'files', directory: '/tmp' }).description).toEqual({ type: 'files', directory: '/tmp' });
  expect(createSource({ type: 'jsonl', path: '/tmp/a' }).description).toEqual({ type: 'jsonl', path: '/tmp/a' });
});

it('refuses what it does not know', () => {
  const usage = (words: string) => expect.objectContaining({ code: 'usage', message: expect.stringContaining(words) });
  expect(() => createSource({ type: 'ftp' })).toThrow(usage('"ftp"'));
  expect(() => createSource({ type: 'files', colour: 1 })).toThrow(usage('"colour"'));
  expect(() => createSource({ type: 'jsonl' })).toThrow(usage('"path"'));
});
