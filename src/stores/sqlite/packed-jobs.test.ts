import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { QueuedJob } from '../../service-store.ts';
import { packJobs, unpackJobs } from './packed-jobs.ts';

const name = fc.constantFrom('a', 'b', '');
const plain = { noNullPrototype: true };
const tokens = fc.nat({ max: 3 });

const job: fc.Arbitrary<QueuedJob> = fc.record(
  {
    queue: name,
    provider: name,
    account: name,
    simulated: fc.boolean(),
    maxAttempts: fc.integer({ min: 1, max: 2 }),
    model: name,
    priority: fc.integer({ min: 1, max: 10 }),
    request: fc.record(
      {
        lane: fc.record(
          {
            provider: name,
            account: name,
            model: name,
            endpoint: name,
            mode: fc.constantFrom('batch', 'realtime'),
          },
          plain,
        ),
        body: fc.string(),
        size: fc.record(
          { inputTokens: tokens, maxInputTokens: tokens, maxOutputTokens: tokens, inputs: tokens },
          { requiredKeys: ['inputTokens', 'maxInputTokens'], noNullPrototype: true },
        ),
      },
      plain,
    ),
    data: fc.string(),
    callbackUrl: fc.string(),
    idempotency: fc.record({ key: fc.string(), hash: fc.string() }, plain),
  },
  {
    requiredKeys: ['queue', 'provider', 'account', 'simulated', 'model', 'priority', 'request', 'data'],
    noNullPrototype: true,
  },
);

/** Jobs that differ from one in one field each. */
const alike = fc.tuple(job, fc.array(fc.tuple(job, fc.nat()), { maxLength: 30 })).map(([base, others]) =>
  others.map(([other, choice]): QueuedJob => {
    const lane = { ...base.request.lane };
    const fields = [...kinds, ...Object.keys(lane)];
    const at = choice % fields.length;
    const field = fields[at] ?? '';
    if (at < kinds.length) return { ...base, [field]: other[field as (typeof kinds)[number]] ?? 3 };
    return { ...base, request: { ...base.request, lane: { ...lane, [field]: other.request.lane[field as 'model'] } } };
  }),
);
const kinds = ['queue', 'provider', 'account', 'simulated', 'maxAttempts', 'model', 'priority', 'request'] as const;

test.each([
  ['whatever they have in common', fc.array(job, { maxLength: 30 })],
  ['where they differ in one field', alike],
])('jobs come out as they went in: %s', (_, some) => {
  fc.assert(
    fc.property(some, (jobs) => {
      expect(unpackJobs(structuredClone(packJobs(jobs)))).toStrictEqual(jobs);
    }),
  );
});
