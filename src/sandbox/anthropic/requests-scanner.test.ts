import { describe, expect, test } from 'vitest';
import { createRequestsScanner } from './requests-scanner.ts';

/** Pushes the text in pieces of so many bytes. */
function scan(text: string, size = text.length): string[] {
  const scanner = createRequestsScanner();
  const bytes = Buffer.from(text);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (const element of scanner.push(bytes.subarray(at, at + size))) found.push(element.toString('utf8'));
  }
  scanner.end();
  return found;
}

const TRICKY = [
  '{"a":"}]{[,","b":"\\"}","c":"\\\\"}',
  '{ "ü😀": [ [ ], { "x" : [ 1, 2 ] } ] }',
  '{"custom_id":"requests","params":{}}',
];
const BODY = ` {\n "requests" : [ ${TRICKY.join(' ,\r\n ')} ]\t}\n`;

describe('the scanner', () => {
  test('finds the same elements however the body is cut', () => {
    for (let size = 1; size <= Buffer.byteLength(BODY); size++) expect(scan(BODY, size)).toEqual(TRICKY);
  });

  test('an empty list has none', () => expect(scan('{"requests":[]}')).toEqual([]));

  test.each([
    ['', /not valid JSON/],
    ['[]', /not valid JSON/],
    ['{}', /requests: Field required/],
    ['{"requests":{}}', /requests: Input should be a valid list/],
    ['{"requests":[1]}', /requests\.0: Input should be an object/],
    ['{"requests":[{},"x"]}', /requests\.1: Input should be an object/],
    ['{"requests":[{},]}', /requests\.1: Input should be an object/],
    ['{"requests":[{} {}]}', /not valid JSON/],
    ['{"requests":[{}]', /not valid JSON/],
    ['{"requests":[{"a":"', /not valid JSON/],
    ['{"requests":[{}]}x', /not valid JSON/],
    ['{"requests":[{}],"metadata":{}}', /metadata: Extra inputs are not permitted/],
    ['{"requests":[{}],"requests":[]}', /given twice/],
    ['{"requests":[],"requests":[{}]}', /given twice/],
  ])('refuses %s', (text, message) => {
    expect(() => scan(text)).toThrow(message);
    expect(() => scan(text, 1)).toThrow(message);
  });
});
