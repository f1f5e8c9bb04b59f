import { expect, test } from 'vitest';
import { defects, staleness } from './mutants-list.ts';

test('every seeded defect still fits the code', () => expect(defects.flatMap(staleness)).toEqual([]));
