import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type FuzzTarget, fuzzOperation } from '../fuzz/fuzz-operation.ts';
import { openFuzzTarget } from '../fuzz/fuzz-service.ts';

// `node test/fuzz/run.ts` is the long form: 10,000 requests to every operation.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });
const runs = 15;

const undone: (() => void | Promise<void>)[] = [];
let target: FuzzTarget & { errors: string[] };
beforeAll(async () => {
  target = await openFuzzTarget((work) => {
    undone.push(work);
  });
});
afterAll(async () => {
  for (const work of undone.toReversed()) await work();
});

test('whatever is sent to any operation: no 5xx, no answer outside the document, no stack, no secret', async () => {
  const { operations } = target.document;
  expect(operations.length).toBeGreaterThan(45);
  const answered = new Map<number, number>();
  for (const operation of operations) {
    for (const [status, count] of await fuzzOperation(target, operation, { runs })) {
      answered.set(status, (answered.get(status) ?? 0) + count);
    }
  }
  expect(target.errors).toEqual([]);
  // Both ways were gone: what was taken, and what was refused.
  expect(answered.get(200)).toBeGreaterThan(200);
  expect(answered.get(400)).toBeGreaterThan(50);
});

test('an answer that is not as the document says is found', async () => {
  const alive = target.document.operations.find(({ path }) => path === '/healthz');
  if (!alive) throw new Error('There is no /healthz');
  const schema = { type: 'object', properties: { status: { const: 'fine' } } };
  const lying = { ...alive, answers: new Map([['200', { type: 'application/json', schema }]]) };
  await expect(fuzzOperation(target, lying, { runs: 1 })).rejects.toThrow(/Property failed/);
});
