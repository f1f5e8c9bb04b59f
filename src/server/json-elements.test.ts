import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonElements, NotAnArray } from './json-elements.ts';

function split(text: string): string[] {
  const body = Buffer.from(text);
  return [...jsonElements(body)].map(([from, to]) => body.toString('utf8', from, to));
}

test('gives what JSON.parse gives, element by element', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), fc.constantFrom(0, 2, '\t'), (values, space) => {
      const parts = split(JSON.stringify(values, undefined, space));
      expect(parts.map((part) => JSON.parse(part))).toEqual(JSON.parse(JSON.stringify(values)));
    }),
    { numRuns: 300 },
  );
});

test('every text that is an array for JSON.parse is one here, and the other way round', () => {
  const pieces = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    '\\',
    ' ',
    '1',
    'a',
    ':',
    '\n',
    'null',
    '"x"',
    '\\"',
    'é',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = `[${parts.join('')}`;
      let whole: unknown;
      try {
        whole = JSON.parse(text);
      } catch {
        whole = undefined;
      }
      let found: unknown;
      try {
        found = split(text).map((part) => JSON.parse(part));
      } catch {
        found = undefined;
      }
      expect(found).toEqual(whole);
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  ['', /must be a JSON array/],
  ['{}', /must be a JSON array/],
  ['[', /does not end/],
  ['[1', /does not end/],
  ['["a', /does not end/],
  ['["a\\"]', /does not end/],
  ['[1,]', /missing/],
  ['[,1]', /missing/],
  ['[1,,2]', /missing/],
  ['[1] x', /follows the array/],
  ['[1]]', /follows the array/],
  ['[}', /does not end/],
])('%s is refused', (text, words) => {
  expect(() => split(text)).toThrow(NotAnArray);
  expect(() => split(text)).toThrow(words);
});

test('brackets and commas in texts, escaped quotes and a byte order mark do not confuse it', () => {
  expect(split('\uFEFF [ "a,]}[{\\"\\\\" , {"b":"\\\\\\"]"} ,[ [1 , 2], "]" ] ] \n')).toEqual([
    '"a,]}[{\\"\\\\"',
    '{"b":"\\\\\\"]"}',
    '[ [1 , 2], "]" ]',
  ]);
  expect(split('[]')).toEqual([]);
  expect(split(' [ ] ')).toEqual([]);
});
