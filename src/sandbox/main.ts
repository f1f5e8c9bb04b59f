import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { parseFaultPlan } from './fault-plan.ts';
import { type SandboxOptions, startSandbox } from './sandbox.ts';

/** Runs a sandbox as a process of its own: `node src/sandbox/main.ts --state DIR [--port N] ...`. Ends on SIGTERM. */
const { values } = parseArgs({
  options: {
    state: { type: 'string' },
    port: { type: 'string' },
    faults: { type: 'string' },
    seed: { type: 'string' },
    'time-scale': { type: 'string' },
    'validating-ms': { type: 'string' },
    'per-row-ms': { type: 'string' },
    'in-progress-ms': { type: 'string' },
    'finalizing-ms': { type: 'string' },
    'cancelling-ms': { type: 'string' },
    'realtime-delay-ms': { type: 'string' },
    'max-file-bytes': { type: 'string' },
    'max-requests': { type: 'string' },
    'enqueued-tokens': { type: 'string' },
    'no-batch-api': { type: 'boolean', default: false },
  },
});

function number(name: keyof typeof values): number | undefined {
  const text = values[name];
  if (typeof text !== 'string') return undefined;
  const value = Number(text);
  if (text === '' || Number.isNaN(value)) throw new Error(`--${name} must be a number, not "${text}".`);
  return value;
}

/** Only the options that were given, so that defaults stay in one place. */
function given<T extends Record<string, number | undefined>>(options: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number;
  };
}

function readOptions(): SandboxOptions {
  if (values.state === undefined) throw new Error('--state DIR is missing: the folder that keeps files and batches.');
  return {
    stateDir: values.state,
    ...given({
      port: number('port'),
      seed: number('seed'),
      timeScale: number('time-scale'),
      realtimeDelayMs: number('realtime-delay-ms'),
    }),
    delays: given({
      validatingMs: number('validating-ms'),
      perRowMs: number('per-row-ms'),
      inProgressMs: number('in-progress-ms'),
      finalizingMs: number('finalizing-ms'),
      cancellingMs: number('cancelling-ms'),
    }),
    limits: given({
      maxFileBytes: number('max-file-bytes'),
      maxRequests: number('max-requests'),
      enqueuedTokens: number('enqueued-tokens'),
    }),
    ...(values.faults === undefined
      ? {}
      : { faults: parseFaultPlan(JSON.parse(readFileSync(values.faults, 'utf8')) as unknown) }),
    batchApi: !values['no-batch-api'],
  };
}

// Whoever starts many, as the tests do, ends most of them by SIGKILL: what was compiled is kept now, where a folder is set.
flushCompileCache();
// V8 else lets the heap grow before it collects. Measured with a 198 MB input as plain JavaScript: peak memory
// 100-120 MB instead of 250 MB, at the same speed.
setFlagsFromString('--optimize-for-size');
const sandbox = await startSandbox(readOptions());
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void sandbox.close().then(() => process.exit(0));
  });
}
process.stdout.write(`sandbox listening on ${sandbox.url}\n`);
