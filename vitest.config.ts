import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const inProcess = ['src/**/*.test.ts', 'dashboard/src/**/*.test.ts', 'test/simulation/*.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Commands and servers that the tests start load in half the time.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.tmp/compile-cache', import.meta.url)) },
    projects: [
      { extends: true, test: { name: 'in-process', include: inProcess, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        // Each of these files keeps several processes busy: one after the other.
        test: {
          name: 'processes',
          include: ['test/**/*.test.ts'],
          exclude: ['test/simulation'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
