import { expect, test } from 'vitest';
import { createCsvParser } from './csv-parser.ts';

function rowsOf(pieces: readonly string[], maxFieldCharacters = 1000) {
  const parser = createCsvParser({ maxFieldCharacters });
  const rows = pieces.flatMap((piece) => parser.push(piece));
  return [...rows, ...parser.end()];
}

const text = 'a,b\r\n1,"two, ""quoted"""\n"line\nbreak",\n\nlast,"x"';
const wanted = [
  { number: 1, fields: ['a', 'b'] },
  { number: 2, fields: ['1', 'two, "quoted"'] },
  { number: 3, fields: ['line\nbreak', ''] },
  { number: 6, fields: ['last', 'x'] },
];

test('reads quotes, commas and line breaks inside fields, and tells the line', () => {
  expect(rowsOf([text])).toEqual(wanted);
});

test('wherever the text is cut', () => {
  for (let at = 0; at <= text.length; at += 1) expect(rowsOf([text.slice(0, at), text.slice(at)])).toEqual(wanted);
  expect(rowsOf([...text])).toEqual(wanted);
});

test('finds the separator of the first line, and drops the mark of the byte order', () => {
  expect(rowsOf(['\uFEFFa;b\n1,5;2'])[1]?.fields).toEqual(['1,5', '2']);
  expect(rowsOf(['a\tb\n1\t2'])[1]?.fields).toEqual(['1', '2']);
  expect(rowsOf(['\uFEFFa;b\n'])[0]?.fields).toEqual(['a', 'b']);
});

test('a quote that is never closed and a field without end are named', () => {
  expect(rowsOf(['a,b\n1,"open'])[1]?.error).toMatch(/never closed/);
  expect(rowsOf([`a\n${'x'.repeat(50)}\nok`], 10).map((row) => row.error !== undefined)).toEqual([false, true, false]);
});
