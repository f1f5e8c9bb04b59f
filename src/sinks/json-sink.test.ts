import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noCounts } from '../job.ts';
import { failedRow, rowOf, runOf, written } from './sink-fixtures.ts';

test('writes the list form, byte for byte', async () => {
  expect(await written('json', [rowOf(), failedRow])).toBe(`{
  "batch_id": "run-20261120-143000-k3f9",
  "created_at": "2026-11-20T14:30:00.000Z",
  "parameters": {
    "prompt": "Summarise",
    "model": "gpt-5-mini",
    "directory": "docs",
    "provider": "openai",
    "mode": "auto",
    "recipe": "prompt",
    "source": "folder",
    "pattern": "*.txt"
  },
  "summary": {
    "total": 2,
    "successful": 1,
    "failed": 1,
    "processing_time": 12.5
  },
  "results": [
    {
      "file": "docs/a.txt",
      "status": "success",
      "result": "Fine.",
      "processing_time": 1.2
    },
    {
      "file": "docs/b.txt",
      "status": "failed",
      "result": null,
      "processing_time": 90,
      "error": "Model timeout after 30 s"
    }
  ]
}
`);
});

test('is valid without rows, and names what did not run', async () => {
  const counts = { ...noCounts, succeeded: 1, failed: 2, skipped: 3, cancelled: 4, queued: 5, running: 1 };
  const { endedAt: _, ...open } = runOf({ counts, simulated: true });
  const text = await written('json', [], open, { now: () => open.createdAt + 2000 });
  expect(text.endsWith('"results": []\n}\n')).toBe(true);
  expect(JSON.parse(text)).toMatchObject({
    simulated: true,
    summary: { total: 16, successful: 1, failed: 2, skipped: 3, cancelled: 4, pending: 6, processing_time: 2 },
    results: [],
  });
});

test('a description cannot overwrite the model', async () => {
  const run = runOf({ recipe: { type: 'prompt', model: 'other', provider: 'other' } });
  expect(JSON.parse(await written('json', [], run)).parameters).toMatchObject({
    model: 'gpt-5-mini',
    provider: 'openai',
  });
});

test('a schema run has values as results, digit by digit, and text where the answer is no JSON', async () => {
  const run = runOf({ recipe: { type: 'extract', schema: { type: 'object' } } });
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  const text = await written(
    'json',
    [
      rowOf({ output: '{\n  "id": 12345678901234567890,\n  "s": "a\\nb"\n}\n' }),
      rowOf({ output: '{"half":' }),
      rowOf({ output: deep }),
    ],
    run,
  );
  expect(text).toContain('"result": { "id": 12345678901234567890, "s": "a\\nb" }');
  expect(JSON.parse(text).results[1].result).toBe('{"half":');
  expect(text).toContain(deep);
});

test('any texts come back as they were', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))),
      async (pairs) => {
        const text = await written(
          'json',
          pairs.map(([key, output]) => rowOf({ key, output })),
        );
        const results: { file: string; result: string }[] = JSON.parse(text).results;
        expect(results.map((row) => [row.file, row.result])).toEqual(pairs);
      },
    ),
  );
});

test('lone surrogates are escaped, so the file is valid UTF-8', async () => {
  const text = await written('json', [rowOf({ output: 'a\ud800b' })]);
  expect(text.isWellFormed()).toBe(true);
  expect(JSON.parse(text).results[0].result).toBe('a\ud800b');
});
