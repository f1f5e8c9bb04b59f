import { describe, expect, test } from 'vitest';
import { readTooLongLine } from '../result-line.ts';
import { readResultLine } from './anthropic-rows.ts';

const row = (result: unknown) => readResultLine(JSON.stringify({ custom_id: 'a', result }));
const usage = { input_tokens: 10, output_tokens: 5 };
const text = (words: string) => ({ type: 'text', text: words });
const message = (content: unknown, stop_reason: string | null = 'end_turn', more = {}) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5-5',
  content,
  stop_reason,
  usage,
  ...more,
});
const ok = (...args: Parameters<typeof message>) => row({ type: 'succeeded', message: message(...args) }).outcome;
const counted = { inputTokens: 10, outputTokens: 5 };

describe('rows that were not run, or not to their end', () => {
  test.each([
    ['expired', 'expired'],
    ['canceled', 'cancelled'],
    ['cancelled', 'cancelled'],
  ])('%s is %s', (type, outcome) => {
    expect(row({ type }).outcome).toEqual({ type: outcome, message: expect.stringMatching(/\S/) });
  });

  test.each([
    ['invalid_request_error', 'invalid_request', false],
    ['not_found_error', 'invalid_request', false],
    ['request_too_large', 'too_large', false],
    ['authentication_error', 'authentication_error', false],
    ['permission_error', 'permission_error', false],
    ['billing_error', 'billing_error', false],
    ['rate_limit_error', 'rate_limited', true],
    ['overloaded_error', 'overloaded', true],
    ['api_error', 'overloaded', true],
    ['timeout_error', 'timeout', true],
    ['brand_new_error', 'brand_new_error', false],
  ])('errored with %s: %s, retryable %s', (type, code, retryable) => {
    const words = type === code ? 'm' : `${type}: m`;
    const failure = { type: 'failed', code, message: words, retryable };
    const error = { type, message: 'm' };
    expect(row({ type: 'errored', error: { type: 'error', error, request_id: null } }).outcome).toEqual(failure);
    // Nested once, as the words of an older page had it.
    expect(row({ type: 'errored', error }).outcome).toEqual(failure);
  });

  test('errored without a reason', () => {
    expect(row({ type: 'errored' }).outcome).toMatchObject({ type: 'failed', code: 'unknown', retryable: false });
  });

  test.each([
    ['not json', undefined],
    ['{"custom_id":"a","result":', undefined],
    ['[]', undefined],
    ['{"custom_id":7,"result":{"type":"expired"}}', undefined],
    ['{"result":{"type":"expired"}}', undefined],
    ['{"custom_id":"a"}', 'a'],
    ['{"custom_id":"a","result":null}', 'a'],
    ['{"custom_id":"a","result":{"type":"brand_new"}}', 'a'],
    ['{"custom_id":"a","result":{"type":"succeeded"}}', 'a'],
    ['{"custom_id":"a","result":{"type":"succeeded","message":{}}}', 'a'],
    ['{"custom_id":"a","result":{"type":"succeeded","message":{"content":"text"}}}', 'a'],
  ])('%s is malformed', (line, customId) => {
    const read = readResultLine(line);
    expect(read.customId).toBe(customId);
    expect(read.outcome).toMatchObject({ type: 'failed', code: 'malformed', retryable: true });
    expect(read.raw).toBe(line);
  });

  test('`__proto__` is an id like any other, and a byte order mark is no part of the line', () => {
    expect(readResultLine('{"custom_id":"__proto__","result":{"type":"expired"}}').customId).toBe('__proto__');
    expect(readResultLine('\ufeff{"custom_id":"a"}').customId).toBe('a');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  test('an answer nested too deep to be written again is malformed, and nothing is thrown', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const line = `{"custom_id":"a","result":{"type":"succeeded","message":{"content":[{"type":"tool_use","input":${deep}}]}}}`;
    expect(readResultLine(line)).toMatchObject({ customId: 'a', outcome: { type: 'failed', code: 'malformed' } });
  });

  test('of a line too long to be held the beginning is kept, never half a character', () => {
    const long = readTooLongLine('x'.repeat(65_536), 300_000_000);
    expect(long).toMatchObject({ outcome: { code: 'malformed', message: expect.stringContaining('300000000') } });
    expect(long.customId).toBeUndefined();
    const { raw } = readResultLine(`x${'ü'.repeat(100_000)}`);
    expect(Buffer.byteLength(raw)).toBeLessThanOrEqual(65_536);
    expect(Buffer.byteLength(raw)).toBeGreaterThan(65_530);
    expect(raw).not.toContain('\ufffd');
  });
});

describe('answers', () => {
  test('text blocks are joined, thinking is left out, the model is named', () => {
    const content = [{ type: 'thinking', thinking: 'hm' }, text('Hi\u2028'), { type: 'redacted_thinking' }, text('!')];
    const line = row({ type: 'succeeded', message: message(content) });
    expect(line.model).toBe('claude-sonnet-5-5');
    expect(line.outcome).toEqual({
      type: 'succeeded',
      output: 'Hi\u2028!',
      finishReason: 'end_turn',
      usage: counted,
    });
  });

  test.each([
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['stop_sequence', 'stop_sequence'],
    ['brand_new', 'brand_new'],
  ])('%s with text is %s', (reason, finishReason) => {
    expect(ok([text('cut')], reason)).toEqual({ type: 'succeeded', output: 'cut', finishReason, usage: counted });
  });

  test.each<[unknown[], string | null, Record<string, unknown>]>([
    [[], 'max_tokens', { code: 'truncated', retryable: false }],
    [[{ type: 'thinking', thinking: 'hm' }], 'max_tokens', { code: 'truncated', retryable: false }],
    [[], 'model_context_window_exceeded', { code: 'truncated', retryable: false }],
    [[], 'refusal', { code: 'refused', retryable: false, message: 'the model declined to answer' }],
    [[text('I cannot')], 'refusal', { code: 'refused', retryable: false, message: 'I cannot' }],
    [[], 'end_turn', { code: 'empty_answer', retryable: true }],
    [[text(' \n')], null, { code: 'empty_answer', retryable: true }],
  ])('%j, %s fails, with its usage', (content, reason, failure) => {
    expect(ok(content, reason)).toMatchObject({ type: 'failed', ...failure, usage: counted });
  });

  test('tools, a pause and named sources: the whole answer is kept', () => {
    const call = { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } };
    const bare = ok([call], 'tool_use');
    expect(bare).toMatchObject({ type: 'succeeded', finishReason: 'tool_use', output: JSON.stringify([call]) });
    expect(bare.type === 'succeeded' && JSON.parse(bare.response ?? '')).toEqual(message([call], 'tool_use'));
    expect(ok([text('a'), call], 'tool_use')).toMatchObject({ output: 'a', response: expect.any(String) });
    expect(ok([text('a')], 'pause_turn')).toMatchObject({ output: 'a', response: expect.any(String) });
    const cited = { ...text('a'), citations: [{ type: 'char_location' }] };
    expect(ok([cited])).toMatchObject({ output: 'a', response: expect.any(String) });
    expect(ok([text('a')])).not.toHaveProperty('response');
  });
});

describe('usage', () => {
  const usageOf = (more: Record<string, unknown>) => {
    const outcome = ok([text('a')], 'end_turn', { usage: { ...usage, ...more } });
    return outcome.type === 'succeeded' ? outcome.usage : undefined;
  };

  test('what was read from a cache and written to one is part of the input', () => {
    expect(
      usageOf({
        cache_creation_input_tokens: 300,
        cache_read_input_tokens: 4000,
        cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
        output_tokens_details: { thinking_tokens: 3 },
      }),
    ).toEqual({
      inputTokens: 4310,
      outputTokens: 5,
      cachedTokens: 4000,
      cacheWriteTokens: 100,
      longCacheWriteTokens: 200,
      reasoningTokens: 3,
    });
  });

  test('not split, as before 2025; split alone; and less split than the sum', () => {
    const sum = { cache_creation_input_tokens: 300, cache_read_input_tokens: 0 };
    expect(usageOf(sum)).toEqual({ inputTokens: 310, outputTokens: 5, cachedTokens: 0, cacheWriteTokens: 300 });
    const long = { cache_creation: { ephemeral_1h_input_tokens: 200 } };
    expect(usageOf(long)).toEqual({ inputTokens: 210, outputTokens: 5, longCacheWriteTokens: 200 });
    expect(usageOf({ ...sum, ...long })).toMatchObject({
      inputTokens: 310,
      cacheWriteTokens: 100,
      longCacheWriteTokens: 200,
    });
  });

  test('none, and nonsense', () => {
    expect(ok([text('a')], 'end_turn', { usage: null })).not.toHaveProperty('usage');
    expect(usageOf({ cache_read_input_tokens: -5, cache_creation: 'x' })).toEqual({ ...counted });
  });
});
