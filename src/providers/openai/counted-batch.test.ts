import { expect, test } from 'vitest';
import { createReadCounted } from './counted-batch.ts';

let time = Date.parse('2026-08-28T12:00:00Z');
const read = (settlesMs = 60_000) => createReadCounted({ settlesMs, now: () => time });
const zero = { num_requests: 0, num_pending: 0, num_success: 0, num_error: 0, num_cancelled: 0 };
/** As it was captured: 2026-08-28, all fields there. */
const batch = (state: Partial<typeof zero>, more: Record<string, unknown> = {}) => ({
  batch_id: 'b',
  name: 'somebody',
  create_time: '2026-08-28',
  expire_time: '2026-09-27',
  cancel_time: null,
  cancel_by_xai_message: null,
  state: { ...zero, ...state },
  input_file_id: 'file_1',
  ...more,
});

test.each([
  ['nothing is counted while the file is read', {}, {}, 'running', 'validating'],
  ['some rows are done', { num_requests: 5, num_pending: 2, num_success: 3 }, {}, 'running', 'in_progress'],
  ['all rows are done', { num_requests: 5, num_success: 4, num_error: 1 }, {}, 'ended', 'completed'],
  ['cancelled before it was read: it may be read still', {}, { cancel_time: '2026-08-28' }, 'running', 'cancelled'],
  ['a total before the rest is counted', { num_requests: 8 }, {}, 'running', 'in_progress'],
  ['cancelled by nobody', { num_requests: 2, num_success: 1, num_cancelled: 1 }, {}, 'ended', 'expired'],
  [
    'a cancel that some rows do not know of',
    { num_requests: 2, num_pending: 1 },
    { cancel_time: '2026-08-28' },
    'running',
    'cancelled',
  ],
] as const)('%s', (_, state, more, phase, rawStatus) => {
  expect(read()(batch(state, more))).toMatchObject({ remoteId: 'b', phase, rawStatus });
  expect(read()(JSON.stringify(batch(state, more)))).toMatchObject({ phase });
});

test('a cancelled batch has ended when its counters have stood still: rows under way come back as successes', () => {
  const look = read();
  const cancelled = { cancel_time: '2026-08-28' };
  const before = batch({ num_requests: 5, num_cancelled: 5 }, cancelled);
  const after = batch({ num_requests: 5, num_success: 5 }, cancelled);
  expect(look(before)?.phase).toBe('running');
  time += 20_000;
  expect(look(before)?.phase).toBe('running');
  expect(look(after)?.phase).toBe('running');
  time += 59_999;
  expect(look(after)?.phase).toBe('running');
  time += 1;
  expect(look(after)).toMatchObject({ phase: 'ended', rawStatus: 'cancelled', counts: { total: 5, succeeded: 5 } });
  // Asked again, as collecting does.
  expect(look(after)?.phase).toBe('ended');
  expect(look({ ...before, batch_id: 'other' })?.phase).toBe('running');
  expect(read(0)(before)?.phase).toBe('ended');
});

test('what has not run when it expires never will; its date may mean the end of that day', () => {
  const pending = batch({ num_requests: 5, num_pending: 2, num_success: 3 });
  time = Date.parse('2026-09-27T23:00:00Z');
  expect(read()(pending)?.phase).toBe('running');
  time = Date.parse('2026-09-28T00:00:01Z');
  expect(read()(pending)).toMatchObject({ phase: 'ended', rawStatus: 'expired' });
});

test.each([
  ['JSONL file validation failed: line 2: invalid JSON: expected value', { refusal: 'rows', line: 2 }],
  ['JSONL file validation failed: Model grok-4.6 is not supported for batch processing.', { refusal: 'not_batched' }],
  ['JSONL file validation failed: the file is empty', { refusal: 'batch' }],
  ['Internal error while reading the file', { refusal: 'provider' }],
])('a file that is refused: %s', (message, { refusal, line }: { refusal: string; line?: number }) => {
  const refused = read()(batch({}, { cancel_time: '2026-08-28', cancel_by_xai_message: message }));
  expect(refused).toMatchObject({ phase: 'refused', rawStatus: 'failed', refusal });
  const code = refusal === 'provider' ? 'overloaded' : 'invalid_request';
  expect(refused?.errors).toEqual([{ code, message, ...(line ? { line } : {}) }]);
});

test('stopped by xAI half way, its rows are collected', () => {
  const words = { cancel_time: '2026-08-28', cancel_by_xai_message: 'Out of credits' };
  const stopped = read(0)(batch({ num_requests: 5, num_success: 2, num_cancelled: 3 }, words));
  expect(stopped).toMatchObject({
    phase: 'ended',
    rawStatus: 'expired',
    counts: { total: 5, succeeded: 2, failed: 3 },
    errors: [],
  });
});

test('RFC 3339 times are read too, another name is no nonce, and without an id it is no batch', () => {
  const found = read()(batch({}, { create_time: '2026-08-28T10:00:00Z', name: 'offpeak-abc' }));
  expect(found).toMatchObject({ createdAt: Date.parse('2026-08-28T10:00:00Z'), nonce: 'abc' });
  expect(read()(batch({}))).not.toHaveProperty('nonce');
  expect(read()({ name: 'x' })).toBeUndefined();
});
