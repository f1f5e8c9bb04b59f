import { describe, expect, test } from 'vitest';
import { hasCode, isOffpeakError, messageOf, OffpeakError } from './errors.ts';

describe('our error', () => {
  const cause = new Error('ECONNRESET');
  const error = new OffpeakError('it broke', { code: 'unavailable', retryable: true, retryAfterMs: 5, cause });

  test('carries its code, its cause, and whether trying again may help', () => {
    expect(error).toMatchObject({ name: 'OffpeakError', code: 'unavailable', retryable: true, retryAfterMs: 5, cause });
    expect(error).toBeInstanceOf(Error);
    const plain = new OffpeakError('x', { code: 'usage' });
    expect(plain).toMatchObject({ retryable: false });
    expect(plain.retryAfterMs).toBeUndefined();
    expect('cause' in plain).toBe(false);
  });

  test('is told from others, by its code too', () => {
    expect(isOffpeakError(error)).toBe(true);
    expect(isOffpeakError(error, 'auth', 'unavailable')).toBe(true);
    expect(isOffpeakError(error, 'auth')).toBe(false);
    expect(hasCode(error, 'unavailable')).toBe(true);
    expect(hasCode(error)).toBe(false);
    for (const other of [cause, { code: 'unavailable' }, 'unavailable', null, undefined]) {
      expect(isOffpeakError(other)).toBe(false);
      expect(hasCode(other, 'unavailable')).toBe(false);
    }
  });

  test('anything thrown has words', () => {
    expect(messageOf(error)).toBe('it broke');
    expect([messageOf('text'), messageOf(undefined), messageOf(7)]).toEqual(['text', 'undefined', '7']);
  });
});
