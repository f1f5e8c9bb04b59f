import { expect, it } from 'vitest';
import { createPathFilter } from './path-filter.ts';

const plain = { exclude: [], recursive: false, hidden: false };

function entered(
  pattern: string,
  path: string,
  options: Partial<Parameters<typeof createPathFilter>[0]> = {},
): boolean {
  const parts = path.split('/');
  const filter = createPathFilter({ ...plain, patterns: [pattern], ...options });
  return parts.every((name, depth) => filter.wantsBelow(parts.slice(0, depth + 1).join('/'), name, depth));
}

it.each<[string, string, boolean]>([
  ['*', 'a', false],
  ['a/*.txt', 'a', true],
  ['a/*.txt', 'b', false],
  ['a/*.txt', 'a/b', false],
  ['a*/b/*.txt', 'ax/b', true],
  ['a*/b/*.txt', 'ax/c', false],
  ['a/**', 'a/b/c', true],
  ['a/**', 'b', false],
  ['**/x', 'a/b', true],
  ['**/x', '.git', false],
  ['**/.git/x', 'a/.git', true],
  ['.git/*', '.git', true],
  ['{a/b,c}/*', 'a/b', true],
])('%s enters %s: %s', (pattern, path, expected) => {
  expect(entered(pattern, path)).toBe(expected);
});

it('never enters what is excluded', () => {
  expect(entered('**', 'a/node_modules', { exclude: ['node_modules'] })).toBe(false);
  expect(entered('**', 'a/b', { exclude: ['a/b/**'] })).toBe(false);
  expect(entered('**', '.git', { hidden: true, exclude: ['.*'] })).toBe(false);
});
