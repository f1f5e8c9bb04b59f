import { describe, expect, test } from 'vitest';
import { inlinedRowsOf, parseOperation } from './gemini-operation.ts';

// Contracts, Gemini 3.4.
const documented = {
  name: 'batches/abc123',
  metadata: {
    '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch',
    name: 'batches/abc123',
    model: 'models/gemini-3.8-flash',
    displayName: 'offpeak-abcdefghij',
    state: 'BATCH_STATE_SUCCEEDED',
    createTime: '2026-10-01T10:00:00Z',
    endTime: '2026-10-01T10:20:00Z',
    updateTime: '2026-10-01T10:20:00Z',
    batchStats: { requestCount: '2', successfulRequestCount: '1', failedRequestCount: '1', pendingRequestCount: '0' },
    inputConfig: { fileName: 'files/abc123' },
    output: { responsesFile: 'files/batch-out1' },
  },
  done: true,
  response: { '@type': 'x.GenerateContentBatchOutput', responsesFile: 'files/batch-out1' },
};
const parse = (change: Record<string, unknown>, metadata: Record<string, unknown> = {}) =>
  parseOperation({ ...documented, ...change, metadata: { ...documented.metadata, ...metadata } });
const failed = (error: Record<string, unknown>, change: Record<string, unknown> = {}) =>
  parseOperation({
    name: 'batches/b',
    metadata: { state: 'BATCH_STATE_FAILED' },
    done: true,
    error,
    ...change,
  });

test('documented', () => {
  expect(parseOperation(documented)).toEqual({
    remoteId: 'batches/abc123',
    phase: 'ended',
    rawStatus: 'succeeded',
    resultFileIds: ['files/batch-out1'],
    errors: [],
    counts: { total: 2, succeeded: 1, failed: 1 },
    nonce: 'abcdefghij',
    inputFileId: 'files/abc123',
    model: 'gemini-3.8-flash',
    createdAt: Date.parse('2026-10-01T10:00:00Z'),
    endedAt: Date.parse('2026-10-01T10:20:00Z'),
    expiresAt: Date.parse('2026-10-03T10:00:00Z'),
  });
});

test.each([
  ['BATCH_STATE_PENDING', 'running', 'pending'],
  ['JOB_STATE_RUNNING', 'running', 'running'],
  ['JOB_STATE_QUEUED', 'running', 'queued'],
  ['JOB_STATE_PAUSED', 'running', 'paused'],
  ['BATCH_STATE_CANCELLING', 'running', 'cancelling'],
  ['BATCH_STATE_UNSPECIFIED', 'running', 'unspecified'],
  ['BRAND_NEW', 'running', 'brand_new'],
  ['JOB_STATE_SUCCEEDED', 'ended', 'succeeded'],
  ['JOB_STATE_PARTIALLY_SUCCEEDED', 'ended', 'partially_succeeded'],
  ['BATCH_STATE_CANCELLED', 'ended', 'cancelled'],
  ['BATCH_STATE_EXPIRED', 'ended', 'expired'],
])('%s is %s, %s', (state, phase, rawStatus) => {
  expect(parse({ done: false }, { state })).toMatchObject({ phase, rawStatus });
});

test('without a state that says so, `done` tells', () => {
  const over = (change: Record<string, unknown>) => parse(change, { state: undefined });
  expect(over({ done: true })).toMatchObject({ phase: 'ended', rawStatus: 'succeeded' });
  expect(over({ done: true, error: { code: 1, message: 'm' } })).toMatchObject({ rawStatus: 'cancelled' });
  const refused = { done: true, error: { code: 3, message: 'm' }, response: undefined };
  expect(parseOperation({ name: 'batches/b', ...refused })).toMatchObject({ phase: 'refused', rawStatus: 'failed' });
  expect(over({ done: undefined })).toMatchObject({ phase: 'running', rawStatus: 'unspecified' });
});

test('a cancelled or expired batch has its file, should there be one', () => {
  for (const state of ['BATCH_STATE_CANCELLED', 'BATCH_STATE_EXPIRED']) {
    expect(parse({}, { state })?.resultFileIds).toEqual(['files/batch-out1']);
  }
});

describe('failed', () => {
  test.each([
    [{ code: 3, message: 'model does not do batches' }, { refusal: 'batch' }, 'invalid_request'],
    [
      { code: 8, message: 'Limit: 3,000,000 enqueued tokens' },
      { refusal: 'no_room', limit: 3_000_000 },
      'rate_limited',
    ],
    [{ code: 9, message: 'quota for batch tokens' }, { refusal: 'no_room' }, 'invalid_request'],
    [{ code: 5, message: 'File files/x not found' }, { refusal: 'file_missing' }, 'invalid_request'],
    [{ message: 'words alone' }, { refusal: 'batch' }, 'failed'],
  ])('%j is refused: %j', (error, expected, code) => {
    const batch = failed(error);
    expect(batch).toMatchObject({ phase: 'refused', rawStatus: 'failed', ...expected });
    expect(batch?.errors).toEqual([{ code, message: expect.stringContaining(error.message) }]);
  });

  test.each([13, 14, 4, 2])('code %d is nobody else’s fault: it can be submitted again', (code) => {
    const batch = failed({ code, message: 'm' });
    expect(batch).toMatchObject({ phase: 'refused', refusal: 'provider', rawStatus: 'failed', resultFileIds: [] });
    expect(batch?.errors[0]?.message).toContain('m');
  });

  test('with results all the same: they are paid', () => {
    const batch = failed({ code: 3, message: 'm' }, { response: { responsesFile: 'files/out' } });
    expect(batch).toMatchObject({ phase: 'ended', resultFileIds: ['files/out'] });
    const rows = { inlinedResponses: { inlinedResponses: [{}] } };
    expect(failed({ code: 3, message: 'm' }, { response: rows })).toMatchObject({ phase: 'ended' });
  });
});

test('what is not ours carries no nonce, and a nonce is compared whole', () => {
  expect(parse({}, { displayName: 'nightly-42' })).not.toHaveProperty('nonce');
  expect(parse({}, { displayName: undefined })).not.toHaveProperty('nonce');
  expect(parse({}, { displayName: 'my-offpeak-abcdefghij' })).not.toHaveProperty('nonce');
  expect(parse({}, { displayName: 'offpeak-abcdefghij-2' })?.nonce).toBe('abcdefghij-2');
});

test('strange values count as absent', () => {
  const strange = { batchStats: { requestCount: 'many' }, createTime: 'soon', endTime: 7, model: {}, inputConfig: [] };
  expect(parse({}, strange)).toMatchObject({ counts: { total: 0, succeeded: 0, failed: 0 } });
  expect(parse({}, strange)).not.toHaveProperty('createdAt');
  for (const value of [undefined, {}, { name: '' }, { name: 7 }]) expect(parseOperation(value)).toBeUndefined();
});

test('inlined rows stand in the response or in the metadata', () => {
  const rows = { inlinedResponses: { inlinedResponses: [1, 2] } };
  expect(inlinedRowsOf({ response: rows })).toEqual([1, 2]);
  expect(inlinedRowsOf({ metadata: { output: rows } })).toEqual([1, 2]);
  expect(inlinedRowsOf({ response: rows, metadata: { output: rows } })).toEqual([1, 2]);
  expect(inlinedRowsOf({})).toEqual([]);
});
