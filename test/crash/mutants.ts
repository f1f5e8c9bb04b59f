import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Defect, defects, staleness } from './mutants-list.ts';

/**
 * `npm run crash -- --mutants [--only NAME] [--list]`: puts one defect after another into a copy of the tree and expects
 * the tests to notice each; exits with 1 when one is missed. The work tree itself is only read.
 */
const { values } = parseArgs({
  options: {
    mutants: { type: 'boolean' },
    only: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
  },
});

/** For the files of one defect. Tests that hang have their own time-outs, far below this one. */
const longestRunMs = 180_000;
/** For all of them without a defect, a file after another where they need a process of their own. */
const longestCleanRunMs = 900_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
let running: ChildProcess | undefined;

type Verdict = 'caught' | 'MISSED' | 'BROKEN';

interface Outcome {
  verdict: Verdict;
  seconds: number;
  /** The test that noticed it, or what went wrong. */
  words: string;
}

const chosen = defects.filter(({ name }) => values.only?.includes(name) ?? true);
const unknown = values.only?.filter((name) => !defects.some((defect) => defect.name === name)) ?? [];
if (unknown.length > 0) stop(`No defect is called ${unknown.join(', ')}; see --list.`);
const stale = defects.flatMap(staleness);
if (stale.length > 0) stop(`The list is stale:\n  ${stale.join('\n  ')}\nBring test/crash/mutants-list.ts up to date.`);
if (values.list) for (const { name, file, cost } of chosen) console.log(`${name.padEnd(24)} ${file}\n  ${cost}`);
else process.exitCode = await tryAll();

function stop(words: string): never {
  console.error(words);
  process.exit(1);
}

async function tryAll(): Promise<number> {
  const started = performance.now();
  const copy = mkdtempSync(join(tmpdir(), 'offpeak-mutants-'));
  process.once('exit', () => {
    killRunning();
    rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  copyTree(copy);

  const files = [...new Set(chosen.flatMap(({ noticedBy }) => noticedBy))];
  const clean = await runTests(copy, files, { withinMs: longestCleanRunMs });
  if (clean.exitCode !== 0) {
    console.error(`Without any defect the tests are red, so they would prove nothing:\n  ${clean.words}`);
    return 1;
  }
  console.log(`without a defect: ${files.length} files green, ${clean.seconds.toFixed(1)} s\n`);

  const width = Math.max(...chosen.map(({ name }) => name.length));
  const wrong: [Defect, Outcome][] = [];
  for (const defect of chosen) {
    const outcome = await tryOne(copy, defect);
    const { verdict, seconds, words } = outcome;
    console.log(`${verdict}  ${defect.name.padEnd(width)}  ${seconds.toFixed(1).padStart(5)} s  ${words}`);
    if (verdict !== 'caught') wrong.push([defect, outcome]);
  }

  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`\n${chosen.length - wrong.length} of ${chosen.length} defects caught, ${seconds} s`);
  for (const [{ name, file, cost, noticedBy }, { verdict }] of wrong) {
    console.log(`${verdict}: ${name} in ${file}: ${cost}. Expected of ${noticedBy.join(', ')}.`);
  }
  return wrong.length === 0 ? 0 : 1;
}

/** As it stands in the work tree, committed or not; what git ignores stays away. */
function copyTree(copy: string): void {
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const paths = execFileSync('git', listing, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0');
  for (const path of new Set(paths)) {
    // Deleted and not committed yet.
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    copyFileSync(join(root, path), join(copy, path));
  }
  // Entry by entry, because vitest keeps a cache of its own in node_modules, which must not be the work tree's.
  mkdirSync(join(copy, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') || name === '.bin') {
      symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name));
    }
  }
}

async function tryOne(copy: string, defect: Defect): Promise<Outcome> {
  const path = join(copy, defect.file);
  const sound = readFileSync(path, 'utf8');
  // By a function, so that a `$` in the text is no pattern.
  writeFileSync(
    path,
    sound.replace(defect.find, () => defect.replace),
  );
  try {
    const { exitCode, seconds, failed, ran, words } = await runTests(copy, defect.noticedBy, {
      withinMs: longestRunMs,
      only: defect.only,
    });
    if (exitCode === 0 && ran === 0) return { verdict: 'BROKEN', seconds, words: `no test is called ${defect.only}` };
    if (exitCode === 0) return { verdict: 'MISSED', seconds, words: 'every test is green' };
    // Red because nothing could be loaded, or because vitest did not end, is no test that noticed something.
    if (failed === undefined) return { verdict: 'BROKEN', seconds, words };
    return { verdict: 'caught', seconds, words: failed };
  } finally {
    writeFileSync(path, sound);
  }
}

interface TestRun {
  exitCode: number | undefined;
  seconds: number;
  /** File and name of the first test that failed. */
  failed: string | undefined;
  /** Tests that were not left out. */
  ran: number;
  /** What went wrong, test or not. */
  words: string;
}

/** What is read of vitest's JSON report. */
interface Report {
  testResults: { name: string; message: string; assertionResults: TestResult[] }[];
}

interface TestResult {
  status: string;
  fullName: string;
  failureMessages?: string[];
}

async function runTests(
  copy: string,
  files: readonly string[],
  { withinMs, only }: { withinMs: number; only?: string | undefined },
): Promise<TestRun> {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const how = ['--bail', '1', '--reporter', 'json', '--outputFile', report, ...(only ? ['-t', only] : [])];
  const started = performance.now();
  const { exitCode, output } = await runNode([vitest, 'run', ...how, ...files], copy, withinMs);
  const seconds = (performance.now() - started) / 1000;
  if (exitCode === undefined)
    return { exitCode, seconds, failed: undefined, ran: 0, words: `not ended after ${Math.round(seconds)} s` };
  if (!existsSync(report)) return { exitCode, seconds, failed: undefined, ran: 0, words: output.slice(-2000) };
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const failed = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map((result) => wordsOf(name, result)),
  )[0];
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed' || status === 'failed');
  const broken = testResults.map(({ message }) => message).find((message) => message !== '');
  return { exitCode, seconds, failed, ran: ran.length, words: failed ?? broken ?? output.slice(-2000) };
}

function wordsOf(file: string, { fullName, failureMessages = [] }: TestResult): string {
  // Said, because a machine that is too busy does the same.
  const timedOut = failureMessages.some((message) => message.includes('timed out')) ? ' (timed out)' : '';
  return `${basename(file)}: ${fullName.trim()}${timedOut}`;
}

/** `exitCode` is undefined when it had to be killed. */
function runNode(
  args: readonly string[],
  cwd: string,
  withinMs: number,
): Promise<{ exitCode: number | undefined; output: string }> {
  return new Promise((resolve, reject) => {
    // A group of its own: vitest's workers, and the processes that tests start, are killed with it.
    const env = { ...process.env, NO_COLOR: '1' };
    const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    running = child;
    let output = '';
    const keep = (text: Buffer) => {
      output = (output + text.toString()).slice(-10_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(killRunning, withinMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      running = undefined;
      resolve({ exitCode: code ?? undefined, output });
    });
  });
}

function killRunning(): void {
  if (running?.pid === undefined) return;
  try {
    process.kill(-running.pid, 'SIGKILL');
  } catch {
    // It ended at this very moment.
  }
}
