import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failedRow, rowOf, written } from './sink-fixtures.ts';

/** RFC 4180 and nothing more: quotes doubled inside quotes, CRLF between records. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length) {
    let field = '';
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (text[at] === '"') at++;
        field += text[at];
      }
      at++;
    } else {
      while (at < text.length && text[at] !== ',' && text[at] !== '\r') field += text[at++];
    }
    record.push(field);
    if (text[at] === ',') {
      at++;
      continue;
    }
    if (text.slice(at, at + 2) !== '\r\n') throw new Error(`no record end at ${at}`);
    at += 2;
    records.push(record);
    record = [];
  }
  return records;
}

test('writes header and rows with CRLF, and a failed row without result and time', async () => {
  const rows = [
    rowOf({ seconds: 1 }),
    rowOf({ output: 'a "b", c\nd' }),
    failedRow,
    rowOf({ state: 'skipped', errorMessage: 'too large', seconds: 0 }),
  ];
  expect(await written('csv', rows)).toBe(
    'file,status,result,processing_time,error\r\n' +
      'docs/a.txt,success,Fine.,1.0,\r\n' +
      'docs/a.txt,success,"a ""b"", c\nd",1.2,\r\n' +
      'docs/b.txt,failed,,0.0,Model timeout after 30 s\r\n' +
      'docs/a.txt,skipped,,0.0,too large\r\n',
  );
});

test('a rejected answer of a failed row is not shown as its result', async () => {
  expect(await written('csv', [{ ...failedRow, output: 'no JSON' }])).toContain('docs/b.txt,failed,,0.0,');
});

test.each([
  ['=1+1', "'=1+1"],
  ['+49', "'+49"],
  ['-cmd', "'-cmd"],
  ['-5-cmd', "'-5-cmd"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\tx', "'\tx"],
  ['\rx', "'\rx"],
  ['\nx', "'\nx"],
  ['＝1', "'＝1"],
  ['＋1', "'＋1"],
  ['－1', "'－1"],
  ['＠x', "'＠x"],
  ["'=1", "''=1"],
  ['-5', '-5'],
  ['-5.25', '-5.25'],
  ['-.5', '-.5'],
  ['-1e5', '-1e5'],
  ['5', '5'],
  ["'x", "'x"],
  ['a=1', 'a=1'],
])('formula escaping: %j is %j', async (output, expected) => {
  const [, row] = parseCsv(await written('csv', [rowOf({ key: output, output })]));
  expect(row?.[0]).toBe(expected);
  expect(row?.[2]).toBe(expected);
});

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '\0', '\u2028', "'", '=', '-', '5', 'a', ' ', '＝', '\t') }),
);

test('any text comes back with escaping off', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(nasty, nasty)), async (pairs) => {
      const rows = pairs.map(([key, output]) => rowOf({ key, output }));
      const text = await written('csv', rows, undefined, { escapeFormulas: false });
      expect(
        parseCsv(text)
          .slice(1)
          .map((row) => [row[0], row[2]]),
      ).toEqual(pairs);
    }),
    { numRuns: 1000 },
  );
});

test('any text comes back with escaping on, once the one quote is taken off', async () => {
  await fc.assert(
    fc.asyncProperty(nasty, async (output) => {
      const cell = parseCsv(await written('csv', [rowOf({ output })]))[1]?.[2] ?? '';
      expect(cell).not.toMatch(/^[=+@\t\r\n＝＋－＠]/);
      expect(cell.replace(/^'(?='*[=+\-@\t\r\n＝＋－＠])/, '')).toBe(output);
    }),
    { numRuns: 1000 },
  );
});
