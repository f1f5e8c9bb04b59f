import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseJsonResults, readJsonResults } from './read-json-results.ts';
import { failedRow, rowOf, runOf, written } from './sink-fixtures.ts';

test('reads what the JSON sink writes', async () => {
  const text = await written('json', [rowOf(), failedRow, rowOf({ state: 'skipped', errorMessage: 'binary' })]);
  expect(parseJsonResults(text)).toMatchObject({
    batchId: 'run-20261120-143000-k3f9',
    parameters: { prompt: 'Summarise' },
    rows: [
      { key: 'docs/a.txt', state: 'succeeded', output: 'Fine.', seconds: 1.2 },
      { key: 'docs/b.txt', state: 'failed', errorMessage: 'Model timeout after 30 s', seconds: 90 },
      { state: 'skipped', errorMessage: 'binary' },
    ],
  });
});

test('a value is read as its text', async () => {
  const text = await written('json', [rowOf({ output: '{"a":1}' })], runOf({ recipe: { type: 'x', schema: {} } }));
  expect(parseJsonResults(text)?.rows[0]?.output).toBe('{"a":1}');
});

test('reads the older form, keyed by path', () => {
  const text = JSON.stringify({
    batch_id: 'batch-20241115-143000',
    results: { 'a.txt': { status: 'success', content: 'A' }, 'b.txt': { status: 'failed', error: 'no' }, 'c.txt': {} },
  });
  expect(parseJsonResults(`\ufeff${text}`)).toEqual({
    batchId: 'batch-20241115-143000',
    parameters: {},
    rows: [
      { key: 'a.txt', state: 'succeeded', output: 'A', seconds: 0 },
      { key: 'b.txt', state: 'failed', errorMessage: 'no', seconds: 0 },
      { key: 'c.txt', state: 'pending', seconds: 0 },
    ],
  });
});

test('what is no result file is refused with its name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'offpeak-'));
  try {
    const path = join(folder, 'x.json');
    await writeFile(path, '[1]');
    await expect(readJsonResults(path)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(path),
    });
    await expect(readJsonResults(join(folder, 'y.json'))).rejects.toMatchObject({ code: 'not_found' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
