import { expect, test } from 'vitest';
import { refusedRows } from './refused-rows.ts';

const type = 'invalid_request_error';
const error = (line: number, message: string) => ({ code: 'invalid_request', line, message });

test.each<[string, 'rows' | 'batch', unknown[]]>([
  ['requests.2.custom_id: no', 'rows', [error(3, 'requests.2.custom_id: no')]],
  ['requests.0: not an object', 'rows', [error(1, 'requests.0: not an object')]],
  [
    'requests.1.params.tools.0.input_schema.$defs: no',
    'rows',
    [error(2, 'requests.1.params.tools.0.input_schema.$defs: no')],
  ],
  [
    'requests.0.params.stream: Extra inputs are not permitted; requests[1].params.max_tokens: too low',
    'rows',
    [
      error(1, 'requests.0.params.stream: Extra inputs are not permitted'),
      error(2, 'requests[1].params.max_tokens: too low'),
    ],
  ],
  // One batch has one model here.
  ['requests.0.params.model: no such model', 'batch', [error(1, 'requests.0.params.model: no such model')]],
])('%s blames %s', (message, refusal, errors) => {
  expect(refusedRows({ status: 400, type, message }, 3)).toEqual({
    remoteId: '',
    phase: 'refused',
    rawStatus: 'refused',
    resultFileIds: [],
    refusal,
    errors,
  });
});

test.each([
  [400, 'requests.7.params: there is no such row'],
  [400, 'requests: List should have at most 100000 items'],
  [400, 'max_tokens: Field required'],
  [413, 'requests.2.custom_id: but it is another status'],
])('HTTP %d, %s: no row is to blame', (status, message) => {
  expect(refusedRows({ status, type, message }, 3)).toBeUndefined();
});
