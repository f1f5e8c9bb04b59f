import { expect, test, vi } from 'vitest';

vi.stubGlobal('location', new URL('http://localhost/'));
const { linkTo, matchPath } = await import('./router.ts');

test.each([
  ['/', '/', {}],
  ['/runs', '/runs', {}],
  ['/runs', '/runs/', {}],
  ['/runs/:id', '/runs/a%20b', { id: 'a b' }],
  ['/runs/:id', '/runs/..%2F..%2Fetc', { id: '../../etc' }],
])('%s takes %s', (pattern, path, found) => {
  expect(matchPath(pattern, path)).toEqual(found);
});

test.each([
  ['/runs', '/'],
  ['/runs', '/runs/1'],
  ['/runs/:id', '/runs'],
  ['/runs/:id', '/runs/'],
  ['/runs/:id', '/runs/%E0%A4%A'],
])('%s does not take %s', (pattern, path) => {
  expect(matchPath(pattern, path)).toBeUndefined();
});

test('half a character in an id is replaced', () => {
  expect(linkTo('runs', 'a\uD800')).toBe('/runs/a%EF%BF%BD');
});

test('what is in an id stays in it', () => {
  const id = 'a/b?c#d"<script>';
  expect(matchPath('/jobs/:id', new URL(linkTo('jobs', id), 'http://localhost').pathname)).toEqual({ id });
});
