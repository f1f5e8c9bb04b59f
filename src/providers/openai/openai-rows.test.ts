import { describe, expect, test } from 'vitest';
import { readTooLongLine } from '../result-line.ts';
import { readResultLine } from './openai-rows.ts';

const row = (fields: Record<string, unknown>) =>
  readResultLine(JSON.stringify({ id: 'batch_req_1', custom_id: 'a', ...fields }));
const chat = (message: Record<string, unknown>, finish_reason = 'stop') => ({
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }],
  usage: { prompt_tokens: 22, completion_tokens: 2, total_tokens: 24 },
});
const ok = (body: unknown) => row({ response: { status_code: 200, request_id: 'r', body }, error: null }).outcome;

describe('recorded lines', () => {
  test('OpenAI, 2025-01 (curator)', () => {
    const line =
      '{"id": "batch_req_6780bb36c8508190a5254f418acd5ed0", "custom_id": "0", "response": {"status_code": 200, "request_id": "ed3ad7feb8ad212a440ab12a1175798e", "body": {"id": "chatcmpl-Ao2bZUcX4NWHN7CDnc08E2pPhqQ0Q", "object": "chat.completion", "created": 1736489777, "model": "gpt-3.5-turbo-0125", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Spaghetti is a type of pasta", "refusal": null}, "logprobs": null, "finish_reason": "stop"}], "usage": {"prompt_tokens": 10, "completion_tokens": 72, "total_tokens": 82, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}}, "system_fingerprint": null}}, "error": null}';
    expect(readResultLine(line)).toEqual({
      customId: '0',
      model: 'gpt-3.5-turbo-0125',
      raw: line,
      outcome: {
        type: 'succeeded',
        output: 'Spaghetti is a type of pasta',
        finishReason: 'stop',
        usage: { inputTokens: 10, outputTokens: 72, cachedTokens: 0, reasoningTokens: 0 },
      },
    });
  });

  test('langbatch writes a numeric error code', () => {
    const line =
      '{"id": "batch_req_error_1", "custom_id": "req-3", "response": null, "error": {"message": "json_format with no json in system prompt", "code": 500}}';
    expect(readResultLine(line)).toMatchObject({
      customId: 'req-3',
      outcome: {
        type: 'failed',
        code: 'overloaded',
        message: 'json_format with no json in system prompt (HTTP 500)',
        retryable: true,
      },
    });
  });
});

describe('rows that did not succeed', () => {
  test.each([
    [
      { code: 'batch_expired', message: 'window over' },
      { type: 'expired', message: 'window over' },
    ],
    [
      { code: 'batch_cancelled', message: 'stopped' },
      { type: 'cancelled', message: 'stopped' },
    ],
    [
      { code: 400, message: 'bad' },
      { type: 'failed', code: 'invalid_request', message: 'bad (HTTP 400)', retryable: false },
    ],
    [
      { code: 'server_error', message: 'm' },
      { type: 'failed', code: 'overloaded', message: 'm (server_error)', retryable: true },
    ],
    ['words', { type: 'failed', code: 'unknown', message: 'words', retryable: false }],
  ])('error %j', (error, outcome) => {
    expect(row({ response: null, error }).outcome).toEqual(outcome);
    // An error beside a response is no success.
    expect(row({ response: { status_code: 200, body: chat({ content: 'x' }) }, error }).outcome).toEqual(outcome);
  });

  test.each([
    [400, 'unsupported_parameter', 'invalid_request', false],
    [400, null, 'invalid_request', false],
    [400, 'brand_new', 'brand_new', false],
    [400, 'content_filter', 'blocked', false],
    [403, null, 'invalid_request', false],
    [404, 'model_not_found', 'invalid_request', false],
    [413, null, 'too_large', false],
    [0, null, 'overloaded', true],
    [408, 'timeout', 'timeout', true],
    [504, null, 'timeout', true],
    [429, 'rate_limit_exceeded', 'rate_limited', true],
    [429, null, 'rate_limited', true],
    [429, 'insufficient_quota', 'insufficient_quota', false],
    [500, 'server_error', 'overloaded', true],
    [500, 'brand_new', 'overloaded', true],
    [503, null, 'overloaded', true],
  ])('status %d with code %s is %s, retryable %s, and the code stays readable', (status_code, own, code, retryable) => {
    const error = { message: 'm', code: own };
    const outcome = row({ response: { status_code, body: { error } }, error: null }).outcome;
    const message = own === null || own === code ? 'm' : `m (${own})`;
    expect(outcome).toEqual({ type: 'failed', code, message, retryable });
  });

  test('a code we do not know is of the family that its type names', () => {
    const error = { message: 'm', type: 'invalid_request_error', code: 'brand_new' };
    const outcome = row({ response: { status_code: 400, body: { error } }, error: null }).outcome;
    expect(outcome).toEqual({ type: 'failed', code: 'invalid_request', message: 'm (brand_new)', retryable: false });
  });

  test('words alone stay as they are', () => {
    const error = { message: 'm', type: 'invalid_request_error', code: null };
    const outcome = row({ response: { status_code: 400, body: { error } }, error: null }).outcome;
    expect(outcome).toEqual({ type: 'failed', code: 'invalid_request', message: 'm', retryable: false });
    expect(row({ response: { status_code: 503, body: {} }, error: null }).outcome).toMatchObject({
      message: 'HTTP 503',
    });
  });

  test('the model that the answer names', () => {
    const body = { model: 'gpt-5-mini-2025-08-07', choices: [] };
    expect(row({ response: { status_code: 200, body }, error: null }).model).toBe('gpt-5-mini-2025-08-07');
    expect(row({ response: null, error: { code: 'batch_expired' } })).not.toHaveProperty('model');
  });

  test.each([
    ['not json', undefined],
    ['{"custom_id":"a","response":', undefined],
    ['[]', undefined],
    ['"a"', undefined],
    ['{"custom_id":7,"response":null,"error":{"code":"x","message":"m"}}', undefined],
    ['{"response":null,"error":null}', undefined],
    ['{"custom_id":"a"}', 'a'],
    ['{"custom_id":"a","response":{"status_code":200,"body":null},"error":null}', 'a'],
    ['{"custom_id":"a","response":{"status_code":200,"body":"text"},"error":null}', 'a'],
  ])('%s is malformed', (text, customId) => {
    const line = readResultLine(text);
    expect(line.customId).toBe(customId);
    expect(line.outcome).toMatchObject({ type: 'failed', code: 'malformed' });
    expect(line.raw).toBe(text);
  });

  test('`__proto__` is an id like any other, and a byte order mark is no part of the line', () => {
    expect(row({ custom_id: '__proto__', response: null, error: { code: 1 } }).customId).toBe('__proto__');
    expect(readResultLine('\ufeff{"custom_id":"a"}').customId).toBe('a');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  test('a body nested too deep to be written again is malformed, and nothing is thrown', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const line = readResultLine(`{"custom_id":"a","response":{"status_code":200,"body":{"x":${deep}}},"error":null}`);
    expect(line).toMatchObject({ customId: 'a', outcome: { type: 'failed', code: 'malformed' } });
  });

  test('a line too long to be held keeps its beginning', () => {
    const line = readTooLongLine('x'.repeat(65_536), 300_000_000);
    expect(line).toMatchObject({ outcome: { code: 'malformed', message: expect.stringContaining('300000000') } });
    expect(line.customId).toBeUndefined();
    expect(line.raw).toHaveLength(65_536);
  });

  test('at most 64 KiB of a line are kept, never half a character', () => {
    const line = readResultLine(`x${'ü'.repeat(100_000)}`);
    expect(Buffer.byteLength(line.raw)).toBeLessThanOrEqual(65_536);
    expect(Buffer.byteLength(line.raw)).toBeGreaterThan(65_530);
    expect(line.raw).not.toContain('\ufffd');
  });
});

describe('chat answers', () => {
  const usage = { inputTokens: 22, outputTokens: 2 };

  test('text, parts of text, and the text of a cut answer', () => {
    expect(ok(chat({ content: 'Hi\u2028' }))).toEqual({
      type: 'succeeded',
      output: 'Hi\u2028',
      finishReason: 'stop',
      usage,
    });
    const parts = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    expect(ok(chat({ content: parts }))).toMatchObject({ type: 'succeeded', output: 'ab' });
    expect(ok(chat({ content: 'cut' }, 'length'))).toMatchObject({ type: 'succeeded', finishReason: 'length' });
  });

  test.each([
    [chat({ content: null, refusal: 'I cannot' }), { code: 'refused', message: 'I cannot', retryable: false }],
    [chat({ content: null }, 'content_filter'), { code: 'blocked', retryable: false }],
    [
      chat({ content: 'half an ans' }, 'content_filter'),
      { code: 'blocked', message: expect.stringContaining('content_filter'), retryable: false },
    ],
    [chat({ content: '' }), { code: 'empty_answer', retryable: true }],
    [chat({ content: ' \n' }), { code: 'empty_answer', retryable: true }],
    [chat({ content: '' }, 'length'), { code: 'truncated', retryable: false }],
  ])('%j fails, with its usage', (body, failure) => {
    expect(ok(body)).toMatchObject({ type: 'failed', ...failure, usage });
  });

  test('tool calls: the message is the output and the whole body is kept', () => {
    const body = chat({
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    });
    const outcome = ok(body);
    expect(outcome).toMatchObject({ type: 'succeeded', response: JSON.stringify(body) });
    expect(outcome.type === 'succeeded' && JSON.parse(outcome.output)).toMatchObject({ tool_calls: [{ id: 'c' }] });
  });

  test('what was read from a cache and what was written to one', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
    };
    expect(ok({ ...chat({ content: 'x' }), usage })).toMatchObject({
      usage: { inputTokens: 100, outputTokens: 2, cachedTokens: 60, cacheWriteTokens: 30 },
    });
  });

  test('no choices, or an error inside a 200', () => {
    expect(ok({ object: 'chat.completion', choices: [] })).toMatchObject({ code: 'empty_answer', retryable: true });
    expect(ok({ error: { code: 502, message: 'upstream' } })).toMatchObject({
      code: 'overloaded',
      message: 'upstream (HTTP 502)',
      retryable: true,
    });
  });
});

describe('other endpoints', () => {
  const response = (fields: Record<string, unknown>) => ({
    object: 'response',
    status: 'completed',
    error: null,
    output: [],
    usage: { input_tokens: 10, output_tokens: 3, output_tokens_details: { reasoning_tokens: 1 } },
    ...fields,
  });
  const message = (...content: unknown[]) => ({ type: 'message', role: 'assistant', content });
  const text = (words: string) => ({ type: 'output_text', text: words, annotations: [] });

  test('responses', () => {
    expect(
      ok(response({ output: [{ type: 'reasoning' }, message(text('a'), text('b')), message(text('c'))] })),
    ).toEqual({
      type: 'succeeded',
      output: 'abc',
      finishReason: 'stop',
      usage: { inputTokens: 10, outputTokens: 3, reasoningTokens: 1 },
    });
    const cut = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
    expect(ok(response({ ...cut, output: [message(text('a'))] }))).toMatchObject({ finishReason: 'length' });
    expect(ok(response(cut))).toMatchObject({ code: 'truncated', retryable: false });
    const held = { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
    expect(ok(response({ ...held, output: [message(text('a'))] }))).toMatchObject({ code: 'blocked' });
    expect(ok(response({ output: [message({ type: 'refusal', refusal: 'no' })] }))).toMatchObject({ code: 'refused' });
    expect(ok(response({ status: 'failed', error: { code: 'server_error', message: 'm' } }))).toMatchObject({
      code: 'overloaded',
      message: 'm (server_error)',
      retryable: true,
    });
    expect(ok(response({ status: 'failed', error: { code: 'invalid_prompt', message: 'm' } }))).toMatchObject({
      retryable: false,
    });
    expect(ok(response({ output: [{ type: 'function_call', name: 'f' }] }))).toMatchObject({
      output: '[{"type":"function_call","name":"f"}]',
      response: expect.any(String),
    });
  });

  test('embeddings: one vector, several in the order of the inputs, base64', () => {
    const list = (data: unknown[]) => ({ object: 'list', data, usage: { prompt_tokens: 2, total_tokens: 2 } });
    expect(ok(list([{ index: 0, embedding: [0.1, -2] }]))).toEqual({
      type: 'succeeded',
      output: '[0.1,-2]',
      usage: { inputTokens: 2, outputTokens: 0 },
    });
    const two = [
      { index: 1, embedding: [2] },
      { index: 0, embedding: [1] },
    ];
    expect(ok(list(two))).toMatchObject({ output: '[[1],[2]]' });
    const floats = Buffer.alloc(8);
    floats.writeFloatLE(0.5, 0);
    floats.writeFloatLE(-2, 4);
    expect(ok(list([{ index: 0, embedding: floats.toString('base64') }]))).toMatchObject({ output: '[0.5,-2]' });
    expect(ok(list([]))).toMatchObject({ code: 'empty_answer' });
    expect(ok(list([{ index: 0, embedding: 'abc' }]))).toMatchObject({ code: 'malformed' });
  });

  test('completions, and bodies we do not know', () => {
    expect(ok({ object: 'text_completion', choices: [{ text: 'x', finish_reason: 'stop' }] })).toMatchObject({
      output: 'x',
      response: expect.any(String),
    });
    const moderation = { id: 'modr-1', results: [{ flagged: false }] };
    expect(ok(moderation)).toEqual({
      type: 'succeeded',
      output: JSON.stringify(moderation),
      response: JSON.stringify(moderation),
    });
  });
});
