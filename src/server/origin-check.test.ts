import { expect, test } from 'vitest';
import { createOriginCheck } from './origin-check.ts';

const none = { hosts: [], origins: [] };

test.each(['localhost', 'localhost:8003', 'LOCALHOST.:8003', '127.0.0.1:8003', '127.9.9.9', '[::1]:8003'])(
  '%s is this machine',
  (host) => {
    expect(() => createOriginCheck({ boundTo: '127.0.0.1', ...none }).host(host)).not.toThrow();
  },
);

test.each([
  'evil.example',
  'evil.example:8003',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '10.0.0.1',
  '127.0.0.1:80:80',
  '[::2]',
  '',
  'localhost@evil.example',
])('%s is another', (host) => {
  expect(() => createOriginCheck({ boundTo: '127.0.0.1', ...none }).host(host)).toThrow(/another machine/);
});

test('a server bound to all addresses is reached by any of them, and by the names it was given', () => {
  const check = createOriginCheck({ boundTo: '0.0.0.0', hosts: ['Batch.Internal'], origins: [] });
  for (const host of ['10.0.0.7:8003', '[fe80::1]:80', 'batch.internal:8003', 'localhost']) {
    expect(() => check.host(host)).not.toThrow();
  }
  expect(() => check.host('evil.example')).toThrow();
  // One good one before does not open the door for the next.
  expect(() => check.host('evil.example')).toThrow();
});

test('a write comes from our own page, from a named one, or from no page', () => {
  const check = createOriginCheck({ boundTo: '127.0.0.1', hosts: [], origins: ['https://app.example.com'] });
  const host = 'localhost:8003';
  for (const origin of [undefined, 'http://localhost:8003', 'https://app.example.com']) {
    expect(() => check.write(origin, host)).not.toThrow();
  }
  for (const origin of [
    'http://evil.example',
    'null',
    '',
    'http://localhost:9999',
    'https://app.example.com.evil',
    'file://',
  ]) {
    expect(() => check.write(origin, host)).toThrow(/Another site/);
  }
  expect(check.allowed('https://app.example.com')).toBe('https://app.example.com');
  expect(check.allowed('http://localhost:8003')).toBeUndefined();
});
