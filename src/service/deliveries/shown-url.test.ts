import { expect, test } from 'vitest';
import { receiverOf, shownUrl } from './shown-url.ts';

test.each([
  [
    'https://hooks.example.com/a/b?token=secret&x=1#y',
    'https://hooks.example.com/a/b?...',
    'https://hooks.example.com/...',
  ],
  [
    'https://hooks.example.com/services/T00/B00/XXXX',
    'https://hooks.example.com/services/T00/B00/XXXX',
    'https://hooks.example.com/...',
  ],
  ['https://hooks.example.com', 'https://hooks.example.com', 'https://hooks.example.com'],
  ['https://hooks.example.com/?k=v', 'https://hooks.example.com?...', 'https://hooks.example.com/...'],
  ['https://user:password@hooks.example.com/a', 'https://hooks.example.com/a', 'https://hooks.example.com/...'],
  ['mailto:ops@example.com', 'mailto:ops@example.com', 'mailto:ops@example.com'],
  ['nonsense secret', '(not a URL)', '(not a URL)'],
])('%s', (url, shown, hidden) => {
  expect(shownUrl(url)).toBe(shown);
  expect(shownUrl(url, 'secret')).toBe(hidden);
});

test('the receiver of an alert is named without its path', () => {
  expect(receiverOf('https://hooks.example.com:8443/services/XXXX?a=b')).toBe('https://hooks.example.com:8443');
  expect(receiverOf('mailto:ops@example.com')).toBe('mailto:ops@example.com');
});
