import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactUsd } from './row-fields.ts';
import { failedRow, rowOf, runOf, written } from './sink-fixtures.ts';

test('writes what is known about a job on one line', async () => {
  const full = rowOf({
    finishReason: 'stop',
    inputTokens: 100,
    outputTokens: 20,
    cachedTokens: 10,
    costNanoUsd: 12_500,
    reused: true,
    response: '{\r\n  "id": "x",\n "n": 12345678901234567890 }\n',
  });
  expect(await written('jsonl', [full, failedRow])).toBe(
    '{"file":"docs/a.txt","status":"success","result":"Fine.","processing_time":1.2,"job":1,"attempts":1,' +
      '"finish_reason":"stop","usage":{"input_tokens":100,"output_tokens":20,"cached_tokens":10},' +
      '"cost_usd":0.0000125,"reused":true,"response":{ "id": "x", "n": 12345678901234567890 }}\n' +
      '{"file":"docs/b.txt","status":"failed","result":null,"processing_time":90,' +
      '"error":"Model timeout after 30 s","error_code":"timeout","job":2,"attempts":3}\n',
  );
});

test('a run without rows is an empty file', async () => {
  expect(await written('jsonl', [])).toBe('');
});

test('a response that is not JSON is kept as a string', async () => {
  const line = await written('jsonl', [rowOf({ response: '<html>\n</html>' })]);
  expect(JSON.parse(line).response).toBe('<html>\n</html>');
});

test('a schema run has values as results', async () => {
  const line = await written('jsonl', [rowOf({ output: '{"a":1}' })], runOf({ recipe: { type: 'x', schema: {} } }));
  expect(JSON.parse(line).result).toEqual({ a: 1 });
});

test('every row is one line and comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.json(), async (output, response) => {
      const text = await written('jsonl', [rowOf({ output, response })]);
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(JSON.parse(text)).toMatchObject({ result: output, response: JSON.parse(response) });
    }),
  );
});

test('money is exact', () => {
  expect([0, 1, 12_500, 1_000_000_000, 123_456_789_012, 9_007_199_254_740_991].map(exactUsd)).toEqual([
    '0',
    '0.000000001',
    '0.0000125',
    '1',
    '123.456789012',
    '9007199.254740991',
  ]);
});
