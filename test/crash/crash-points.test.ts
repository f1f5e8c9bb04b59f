import { describe, expect, it, vi } from 'vitest';
import { createCrashRun, deathAt, violationsAfter } from './crash-run.ts';

vi.setConfig({ testTimeout: 120_000 });

// The command itself, with the sandbox inside it. Every point, all providers, seeds and double faults are the matrix's:
// `crash-matrix.test.ts`.
const cases = [
  ...['C2', 'C7', 'C10', 'C14:15', 'C17'].map((point) => ({ point, mode: 'batch' as const })),
  ...['C1', 'C16:12'].map((point) => ({ point, mode: 'realtime' as const })),
];

describe.concurrent('the command killed at a point and started again', () => {
  it.for(cases)('$mode $point', async ({ point, mode }, { onTestFinished }) => {
    const crash = createCrashRun(onTestFinished, { mode });
    expect(deathAt(point, await crash.run(point))).toBeUndefined();
    expect(await violationsAfter(crash, await crash.run())).toEqual([]);
  });

  it('killed again while it recovers', async ({ onTestFinished }) => {
    const crash = createCrashRun(onTestFinished);
    expect(deathAt('C10', await crash.run('C10'))).toBeUndefined();
    expect(deathAt('C13', await crash.run('C13'))).toBeUndefined();
    expect(await violationsAfter(crash, await crash.run())).toEqual([]);
  });
});
