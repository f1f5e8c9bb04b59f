import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RowFault } from '../../src/sandbox/fault-plan.ts';
import { checkInvariants } from '../support/check-invariants.ts';
import { documentKeys } from '../support/documents-source.ts';
import { providerNames } from '../support/providers-under-test.ts';
import { startSandboxProcess } from '../support/sandbox-process.ts';
import { temporaryFolder, type Undo } from '../support/temporary.ts';
import type { ChildOrder } from './child.ts';

/**
 * `npm run crash -- --huge [--gigabytes 5]`: results larger than the memory, and lines larger than a string may be
 * (`reliability.md` 25 and 26), for each provider, under a heap of 256 MB. Prints the peak of the memory.
 */
const { values } = parseArgs({
  options: { huge: { type: 'boolean' }, gigabytes: { type: 'string', default: '5' } },
});
const childPath = fileURLToPath(new URL('./child.ts', import.meta.url));
const megabyte = 1_000_000;

interface HugeCase {
  name: string;
  jobs: number;
  rows: RowFault[];
  /** Those that cannot be kept. */
  tooLarge: number;
  heapMb: number;
}

const total = Number(values.gigabytes) * 1000;
const cases: HugeCase[] = [
  { name: `${total / 1000} GB of lines of 2 MB`, jobs: total / 2, rows: huge(2), tooLarge: 0, heapMb: 256 },
  { name: 'one line of 200 MB', jobs: 3, rows: huge(200, 'report-0002'), tooLarge: 0, heapMb: 2048 },
  { name: 'one line of 600 MB', jobs: 3, rows: huge(600, 'report-0002'), tooLarge: 1, heapMb: 2048 },
];

function huge(megabytes: number, contains?: string): RowFault[] {
  const fault = { type: 'huge', bytes: megabytes * megabyte } as const;
  return [{ match: contains === undefined ? {} : { contains }, fault }];
}

for (const given of cases) {
  for (const api of providerNames) {
    const undone: Parameters<Undo>[0][] = [];
    try {
      await run((step) => void undone.push(step), given, api);
    } finally {
      for (const step of undone.reverse()) await step();
    }
  }
}

async function run(
  undo: Undo,
  { name, jobs, rows, tooLarge, heapMb }: HugeCase,
  api: ChildOrder['api'],
): Promise<void> {
  const sandbox = await startSandboxProcess(undo, { faults: { rows } });
  const home = temporaryFolder(undo, 'offpeak-huge-');
  const keys = documentKeys(jobs);
  const order: ChildOrder = { home, url: sandbox.url, api, mode: 'batch', keys };
  const started = performance.now();
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMb}`, childPath, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const report = code === 0 ? (JSON.parse(stdout) as { succeeded: number; maxRssMb: number }) : undefined;
  const words: string[] = [];
  if (report?.succeeded !== jobs - tooLarge) words.push(`${report?.succeeded} succeeded instead of ${jobs - tooLarge}`);
  if (report) {
    const checked = { home, attempted: keys, allSucceeded: tooLarge === 0, ownAnswers: false };
    words.push(...(await checkInvariants(checked)).violations);
  }
  if (words.length > 0 || code !== 0) process.exitCode = 1;
  const verdict = words.length > 0 ? `VIOLATED: ${words.join('; ')}` : `exit ${code}`;
  console.log(`${api}, ${name}: ${seconds} s, peak ${report?.maxRssMb} MB, ${verdict}`);
}
