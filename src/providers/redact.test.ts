import { expect, test } from 'vitest';
import { createRedact } from './redact.ts';

test('a key that a server echoes does not get through, whole or as it is quoted', () => {
  const redact = createRedact('my-private-key-1234');
  expect(redact('Incorrect API key provided: my-private-key-1234.')).toBe('Incorrect API key provided: …1234.');
  expect(redact('provided: sk-proj-abc***********wxyz')).not.toContain('sk-proj');
  expect(redact('Authorization: Bearer abcdef')).toBe('Authorization: Bearer …');
});

test('words stay short and on one line, pages are not quoted', () => {
  const redact = createRedact(undefined);
  expect(redact('a\n\n b')).toBe('a b');
  expect(redact('x'.repeat(10_000)).length).toBeLessThan(700);
  expect(redact('<!DOCTYPE html><html>…')).toBe('an HTML page');
});
