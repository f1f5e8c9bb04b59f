import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jobTypes } from './contract/words.ts';
import { batchIdOf, jobIdOf, parseBatchId, parseJobId } from './public-ids.ts';

const numbers = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

describe('ids of jobs', () => {
  test('go out and come in again', () => {
    fc.assert(
      fc.property(numbers, fc.constantFrom(undefined, ...jobTypes), (job, jobType) => {
        expect(parseJobId(jobIdOf(jobType, job))).toEqual({ job, jobType });
      }),
    );
    expect(jobIdOf('creative_scoring', 46_655)).toBe('creative_scoring_zzz');
    expect(jobIdOf(undefined, 36)).toBe('job_10');
  });

  test('whatever is read is exactly what would be written', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^(job|creative_scoring|embedding_generation|[a-z_]{0,8})_?[0-9a-zA-Z_-]{0,13}$/),
        (id) => {
          const parsed = parseJobId(id);
          if (parsed) expect(jobIdOf(parsed.jobType, parsed.job)).toBe(id);
        },
      ),
    );
  });

  test.each([
    '',
    '_',
    'creative_scoring',
    'creative_scoring_',
    'creative_scoring_0',
    'creative_scoring_01',
    'creative_scoring_3F8',
    'creative_scoring_-1',
    'creative_scoring_1.5',
    'creative_scoring_ 1',
    'creative_scoring_1 ',
    'creative_scoring_1\n',
    'creative_scoring_zzzzzzzzzzz',
    'Creative_scoring_1',
    'ctr_prediction_1',
    '1',
    '__proto___1',
  ])('%j is none', (id) => expect(parseJobId(id)).toBeUndefined());
});

describe('ids of batches', () => {
  test('go out and come in again', () => {
    fc.assert(
      fc.property(numbers, fc.stringMatching(/^[a-z][a-z_-]{0,9}$/), (batch, provider) => {
        expect(parseBatchId(batchIdOf(provider, batch))).toEqual({ batch, provider });
      }),
    );
    expect(batchIdOf('openai', 12)).toBe('openai_12');
    expect(parseBatchId('my_server_12')).toEqual({ provider: 'my_server', batch: 12 });
  });

  test.each([
    '',
    '12',
    '_12',
    'openai_',
    'openai_0',
    'openai_012',
    'openai_1e3',
    'openai_a',
    'openai_9007199254740993',
  ])('%j is none', (id) => expect(parseBatchId(id)).toBeUndefined());
});
