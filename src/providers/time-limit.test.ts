import { afterEach, expect, test, vi } from 'vitest';
import { createTimeLimit, limitEachWrite } from './time-limit.ts';

afterEach(() => void vi.useRealTimers());

test('an upload that was answered early leaves no clock behind: a process would not end before it', async () => {
  vi.useFakeTimers();
  async function* source() {
    yield new Uint8Array(1);
    yield new Uint8Array(1);
  }
  const limit = createTimeLimit(undefined);
  const writes = limitEachWrite(source(), limit, 60_000, 120_000);
  await writes.next();
  expect(vi.getTimerCount()).toBe(1);
  limit.close();
  await writes.next();
  await writes.next();
  expect(vi.getTimerCount()).toBe(0);
});
