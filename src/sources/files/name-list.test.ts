import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NameList } from './name-list.ts';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

it('sorts any names by their bytes and keeps their kinds', async () => {
  const name = fc
    .oneof(fc.string({ maxLength: 6 }), fc.string({ unit: 'grapheme', maxLength: 300 }))
    .map((text) => text.toWellFormed());
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { maxLength: 300 }), async (names) => {
      const list = new NameList();
      for (const text of names) list.add(text, text.length % 5);
      await list.sort();
      const sorted = Array.from({ length: list.length }, (_, i) => list.at(i));
      expect(sorted).toEqual(names.toSorted(byBytes).map((text) => ({ name: text, kind: text.length % 5 })));
    }),
  );
});

it('sorts 100,000 names in steps that let the event loop run', async () => {
  const list = new NameList();
  for (let i = 0; i < 100_000; i++) list.add(`document-${String((i * 61_953) % 100_000).padStart(6, '0')}`, 0);
  let turns = 0;
  const counter = setInterval(() => turns++, 1);
  await list.sort();
  clearInterval(counter);
  for (let i = 0; i < 100_000; i++) expect(list.at(i).name).toBe(`document-${String(i).padStart(6, '0')}`);
  expect(turns).toBeGreaterThan(2);
  expect(() => list.at(100_000)).toThrow(RangeError);
});
