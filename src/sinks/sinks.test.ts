import { expect, test } from 'vitest';
import { createMemoryTarget, rowOf, runOf } from './sink-fixtures.ts';
import { createSink, formatOf, sinkFormats } from './sinks.ts';

test('the extension names the format', () => {
  const paths = ['a.json', 'a.csv', 'a.md', 'A.MARKDOWN', 'x/a.jsonl', 'a.ndjson', 'a.txt', 'json', 'a.csv/b', ''];
  expect(paths.map(formatOf)).toEqual([
    'json',
    'csv',
    'markdown',
    'markdown',
    'jsonl',
    'jsonl',
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test.each(sinkFormats)('%s ends and aborts its target', async (format) => {
  const target = createMemoryTarget();
  const sink = createSink(format, target);
  await sink.begin(runOf());
  await sink.write(rowOf());
  expect(target.calls).toEqual([]);
  await sink.end();
  await sink.abort();
  expect(target.calls).toEqual(['end', 'abort']);
});

test('an unknown format is refused with the list of known ones', () => {
  // @ts-expect-error: what plain JavaScript can pass
  expect(() => createSink('xml', createMemoryTarget())).toThrow(/"xml".*json, csv, markdown, jsonl/);
});
