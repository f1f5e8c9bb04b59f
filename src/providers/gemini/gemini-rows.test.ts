import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readTooLongLine } from '../result-line.ts';
import { readResultLine } from './gemini-rows.ts';

const line = (fields: Record<string, unknown>) => readResultLine(JSON.stringify({ key: 'a', ...fields }));
const ok = (response: unknown) => line({ response }).outcome;
const usageMetadata = {
  promptTokenCount: 22,
  cachedContentTokenCount: 8,
  toolUsePromptTokenCount: 3,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 7,
  totalTokenCount: 37,
};
const usage = { inputTokens: 25, outputTokens: 12, cachedTokens: 8, reasoningTokens: 7 };
const answer = (parts: unknown[], finishReason: string | undefined = 'STOP') => ({
  candidates: [{ content: { role: 'model', parts }, finishReason, index: 0 }],
  usageMetadata,
  modelVersion: 'gemini-3.8-flash',
});

test('recorded: three rows of Vertex, with its own id field (curator, 2025-01)', () => {
  const file = new URL('../../../test/fixtures/recorded/curator.gemini_batch_response.jsonl', import.meta.url);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map(readResultLine);
  expect(lines.map((each) => each.customId)).toEqual(['2', '1', '0']);
  expect(lines.map((each) => each.model)).toEqual(Array(3).fill('gemini-1.5-flash-002@default'));
  expect(lines.map((each) => each.outcome)).toEqual([
    expect.objectContaining({ type: 'succeeded', finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 177 } }),
    expect.objectContaining({ type: 'succeeded', output: expect.stringMatching(/^Sushi is a Japanese/) }),
    expect.objectContaining({ type: 'succeeded', usage: { inputTokens: 2, outputTokens: 128 } }),
  ]);
});

describe('every shape of a line', () => {
  test('key and response', () => {
    expect(line({ response: answer([{ text: 'Hi\u2028' }]) })).toEqual({
      customId: 'a',
      model: 'gemini-3.8-flash',
      raw: expect.any(String),
      outcome: { type: 'succeeded', output: 'Hi\u2028', finishReason: 'stop', usage },
    });
  });

  test('a bare answer and a bare status', () => {
    const bare = readResultLine(JSON.stringify(answer([{ text: 'x' }])));
    expect(bare).toMatchObject({ outcome: { type: 'succeeded', output: 'x' }, model: 'gemini-3.8-flash' });
    expect(bare.customId).toBeUndefined();
    const status = { code: 3, message: 'bad', details: [] };
    const failure = { type: 'failed', code: 'invalid_request', message: 'INVALID_ARGUMENT: bad', retryable: false };
    expect(readResultLine(JSON.stringify(status)).outcome).toEqual(failure);
    expect(line(status)).toMatchObject({ customId: 'a', outcome: failure });
    expect(line({ error: status }).outcome).toEqual(failure);
    expect(line({ response: answer([{ text: 'x' }]), error: status }).outcome).toEqual(failure);
    expect(line({ response: answer([{ text: 'x' }]), error: null }).outcome).toMatchObject({ type: 'succeeded' });
  });

  test.each([
    [400, 'invalid_request', false],
    [3, 'invalid_request', false],
    [404, 'invalid_request', false],
    [413, 'too_large', false],
    [429, 'rate_limited', true],
    [8, 'rate_limited', true],
    [500, 'overloaded', true],
    [503, 'overloaded', true],
    [529, 'overloaded', true],
    [13, 'overloaded', true],
    [14, 'overloaded', true],
    ['14', 'overloaded', true],
    [504, 'timeout', true],
    [4, 'timeout', true],
    ['BRAND_NEW', 'BRAND_NEW', false],
    [418, 'HTTP_418', false],
  ])('code %s is %s, retryable %s', (code, expected, retryable) => {
    expect(line({ error: { code, message: 'm' } }).outcome).toMatchObject({
      type: 'failed',
      code: expected,
      message: expect.stringContaining('m'),
      retryable,
    });
  });

  test('the word of the status counts more than its code; text alone is an error too', () => {
    expect(line({ error: { code: 400, status: 'UNAVAILABLE', message: 'm' } }).outcome).toMatchObject({
      code: 'overloaded',
    });
    expect(line({ error: 'words' }).outcome).toMatchObject({ code: 'unknown', message: 'unknown: words' });
    expect(line({ status: 'Bad Request', response: null }).outcome).toMatchObject({ type: 'failed' });
    expect(line({ error: { code: 1, message: 'stopped' } }).outcome).toEqual({ type: 'cancelled', message: 'stopped' });
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '2s' }];
    expect(line({ error: { code: 8, message: 'm', details } }).outcome).toMatchObject({ retryAfterMs: 2000 });
  });

  test.each([
    ['not json', undefined],
    ['{"key":"a","response":', undefined],
    ['[]', undefined],
    ['"a"', undefined],
    ['{"key":7}', undefined],
    ['{"key":"a"}', 'a'],
    ['{"key":"a","response":null,"error":null}', 'a'],
    ['{"key":"a","response":"text"}', 'a'],
  ])('%s is malformed', (text, customId) => {
    const read = readResultLine(text);
    expect(read.customId).toBe(customId);
    expect(read.outcome).toMatchObject({ type: 'failed', code: 'malformed', retryable: true });
    expect(read.raw).toBe(text);
  });

  test('`__proto__` is an id like any other, and a byte order mark is no part of the line', () => {
    expect(readResultLine('{"key":"__proto__"}').customId).toBe('__proto__');
    expect(readResultLine('\ufeff{"key":"a"}').customId).toBe('a');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  test('an answer nested too deep to be written again is malformed, and nothing is thrown', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const call = `{"functionCall":{"name":"f","args":{"x":${deep}}}}`;
    const text = `{"key":"a","response":{"candidates":[{"content":{"parts":[${call}]}}]}}`;
    expect(readResultLine(text)).toMatchObject({ customId: 'a', outcome: { type: 'failed', code: 'malformed' } });
  });

  test('a line too long to be held keeps its beginning, and never half a character', () => {
    const tooLong = readTooLongLine('x'.repeat(65_536), 300_000_000);
    expect(tooLong).toMatchObject({ outcome: { code: 'malformed', message: expect.stringContaining('300000000') } });
    expect(tooLong.raw).toHaveLength(65_536);
    const { raw } = readResultLine(`x${'ü'.repeat(100_000)}`);
    expect(Buffer.byteLength(raw)).toBeLessThanOrEqual(65_536);
    expect(Buffer.byteLength(raw)).toBeGreaterThan(65_530);
    expect(raw).not.toContain('\ufffd');
  });
});

describe('answers of a model', () => {
  test('parts are joined, thoughts are left out', () => {
    const parts = [{ text: 'let me think', thought: true }, { text: 'a' }, { text: 'b', thoughtSignature: 's' }];
    expect(ok(answer(parts))).toEqual({ type: 'succeeded', output: 'ab', finishReason: 'stop', usage });
  });

  test('cut at the token limit', () => {
    expect(ok(answer([{ text: 'cut' }], 'MAX_TOKENS'))).toMatchObject({ output: 'cut', finishReason: 'length' });
    const thoughts = answer([{ text: 'hm', thought: true }], 'MAX_TOKENS');
    expect(ok(thoughts)).toMatchObject({ type: 'failed', code: 'truncated', retryable: false, usage });
  });

  test.each(['SAFETY', 'RECITATION', 'PROHIBITED_CONTENT', 'BLOCKLIST', 'SPII', 'LANGUAGE', 'IMAGE_SAFETY'])(
    '%s is blocked, with or without text, and keeps its usage',
    (reason) => {
      const failure = { type: 'failed', code: 'blocked', retryable: false, usage };
      for (const parts of [[], [{ text: 'half' }]]) {
        const outcome = ok(answer(parts, reason));
        expect(outcome).toMatchObject({ ...failure, message: expect.stringContaining(reason) });
      }
    },
  );

  test('a blocked question is a success without candidates', () => {
    const blocked = { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 4 } };
    expect(ok(blocked)).toEqual({
      type: 'failed',
      code: 'blocked',
      message: 'the question was blocked: PROHIBITED_CONTENT',
      retryable: false,
      usage: { inputTokens: 4, outputTokens: 0 },
    });
    expect(readResultLine(JSON.stringify(blocked)).outcome).toMatchObject({ code: 'blocked' });
  });

  test.each([
    [answer([]), 'empty_answer', true],
    [answer([{ text: ' \n' }]), 'empty_answer', true],
    [answer([], 'OTHER'), 'empty_answer', true],
    [answer([], 'MALFORMED_FUNCTION_CALL'), 'empty_answer', true],
    [answer([], 'BRAND_NEW'), 'BRAND_NEW', false],
    [{ candidates: [] }, 'empty_answer', true],
    [{ candidates: [{ finishReason: 'STOP' }] }, 'empty_answer', true],
    [{ usageMetadata }, 'empty_answer', true],
    [{}, 'empty_answer', true],
  ])('%j is %s, retryable %s', (response, code, retryable) => {
    expect(ok(response)).toMatchObject({ type: 'failed', code, retryable });
  });

  test('an unusual end does not take the text away', () => {
    expect(ok(answer([{ text: 'x' }], 'OTHER'))).toMatchObject({ type: 'succeeded', finishReason: 'other' });
    expect(ok({ candidates: [{ content: { parts: [{ text: 'x' }] } }] })).toEqual({ type: 'succeeded', output: 'x' });
  });

  test('calls of functions and several answers: the whole answer is kept', () => {
    const call = answer([{ functionCall: { name: 'f', args: {} } }]);
    const outcome = ok(call);
    expect(outcome).toMatchObject({ type: 'succeeded', response: JSON.stringify(call), usage });
    expect(outcome.type === 'succeeded' && JSON.parse(outcome.output)).toMatchObject({ parts: [{ functionCall: {} }] });
    const two = { candidates: [...answer([{ text: 'x' }]).candidates, ...answer([{ text: 'y' }]).candidates] };
    expect(ok(two)).toMatchObject({ output: 'x', response: JSON.stringify(two) });
  });

  test('vectors, one bare and several in order', () => {
    expect(ok({ embedding: { values: [0.5, -1] } })).toEqual({ type: 'succeeded', output: '[0.5,-1]' });
    expect(ok({ embeddings: [{ values: [1] }, { values: [2] }] })).toMatchObject({ output: '[[1],[2]]' });
    expect(ok({ embeddings: [{ values: [1] }] })).toMatchObject({ output: '[1]' });
    expect(ok({ embedding: {} })).toMatchObject({ code: 'malformed' });
    expect(ok({ embeddings: [] })).toMatchObject({ code: 'empty_answer' });
    const counted = { embedding: { values: [1] }, usageMetadata: { promptTokenCount: 3 } };
    expect(ok(counted)).toMatchObject({ usage: { inputTokens: 3, outputTokens: 0 } });
  });
});
