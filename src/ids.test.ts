import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { customId, newNonce, newRunId, parseCustomId, randomText } from './ids.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('custom ids', () => {
  test('what is made can be read again', () => {
    const job = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(
        fc.array(chance, { minLength: 10, maxLength: 10 }),
        job,
        fc.integer({ min: 0, max: 36 ** 4 - 1 }),
        (chances, jobId, attempt) => {
          const nonce = newNonce(() => chances.pop() ?? 0);
          const id = customId(nonce, jobId, attempt);
          expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
          expect(parseCustomId(id)).toEqual({ nonce, job: jobId, attempt });
        },
      ),
    );
  });

  test('whatever else comes is undefined, and what is read is written back to the byte', () => {
    const near = fc.tuple(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), fc.string({ maxLength: 5 }));
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      near.map((parts) => `op-${parts.join('-')}`),
    );
    fc.assert(
      fc.property(text, (id) => {
        const parsed = parseCustomId(id);
        if (parsed) expect(customId(parsed.nonce, parsed.job, parsed.attempt)).toBe(id);
      }),
      { numRuns: 2_000 },
    );
  });

  const good = customId('abcdefgh23', 35, 1);
  test.each([
    '',
    'op-',
    'op-abcdefgh23-z',
    `${good} `,
    ` ${good}`,
    `${good}\n`,
    `${good}\u0000`,
    good.toUpperCase(),
    good.replace('op-', 'OP-'),
    `x${good}`,
    `${good}-1`,
    'op-abcdefgh23-0z-1',
    'op-abcdefgh23-z-01',
    'op-abcdefgh23--1',
    'op-abcdefgh23-z-1.0',
    'op-abcdefgh2-z-1',
    'op-abcdefgh01-z-1',
    'op-abcdefgh23-zzzzzzzzzzzz-1',
    'op-abcdefgh23-zzzzzzzzzzz-1',
    '__proto__',
    'constructor',
    'op-аbcdefgh23-z-1',
    `op-${'a'.repeat(10_000)}-z-1`,
  ])('%j is none', (id) => expect(parseCustomId(id)).toBeUndefined());
});

describe('run ids', () => {
  test('sort by time and can be typed', () => {
    const ids = [1, 2, 3].map((second) => newRunId(Date.UTC(2026, 10, 20, 14, 30, second), () => 0.5));
    expect(ids).toEqual([...ids].sort());
    expect(ids[0]).toMatch(/^run-20261120-143001-[a-z2-9]{4}$/);
  });

  test('random texts use the whole alphabet and nothing that is easily misread', () => {
    fc.assert(
      fc.property(chance, fc.nat(30), (value, length) => {
        expect(randomText(length, () => value)).toMatch(new RegExp(`^[a-km-np-z2-9]{${length}}$`));
      }),
    );
    const all = new Set(Array.from({ length: 3200 }, (_, i) => randomText(1, () => i / 3200)));
    expect(all.size).toBe(32);
  });
});
