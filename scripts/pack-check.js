// Checks the package as a stranger gets it: packs it, installs the tarball into an empty folder and runs it there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'offpeak-pack-'));
const consumer = join(work, 'consumer');
const installed = join(consumer, 'node_modules', name);
let failures = 0;

try {
  const tarball = pack();
  install(tarball);
  check('the tarball holds what it should and nothing else', contents);
  check('no file names a path of this machine', machinePaths);
  check('the command prints its version', printsVersion);
  check('a run on the sandbox over 3 files ends with exit 0 and JSON', runs);
  check('the server answers, with its dashboard, and stops', serves);
  check('the library and its test suites resolve', resolves);
  check('types are found and agree', types);
  check('an old Node gets one clear sentence and exit 3', oldNode);
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(failures === 0 ? 'pack-check: all is well.' : `pack-check: ${failures} checks failed.`);
process.exitCode = failures === 0 ? 0 : 1;

function check(what, find) {
  let problem;
  try {
    problem = find();
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (problem?.startsWith('skipped: ')) return console.log(`  --    ${what}: ${problem}`);
  console.log(problem === undefined ? `  ok    ${what}` : `  BAD   ${what}: ${problem}`);
  if (problem !== undefined) failures += 1;
}

function pack() {
  run('node', [join(root, 'scripts', 'build.js')]);
  const out = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: root });
  const [{ filename, size, entryCount }] = JSON.parse(out.stdout);
  console.log(`pack-check: ${filename}, ${Math.round(size / 1024)} KB, ${entryCount} files.`);
  return join(work, filename);
}

function install(tarball) {
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball]);
}

function contents() {
  const files = filesOf(installed);
  const wanted =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|bin\/[\w-]+\.js|dist\/[\w/-]+(\.d\.ts|\.js)|dist\/dashboard\/[\w./-]+\.(html|js|css|svg)(\.gz|\.br)?)$/;
  const stray = files.filter(
    (file) => !wanted.test(file) || /\.test\.|-fixtures\.|test-client\.|scripted-server\.|from-source/.test(file),
  );
  if (stray.length > 0) return `it should not hold ${stray.slice(0, 5).join(', ')}`;
  const needed = ['README.md', 'LICENSE', 'CHANGELOG.md', 'bin/offpeak.js', 'dist/index.js', 'dist/index.d.ts'];
  needed.push('dist/dashboard/index.html');
  const missing = needed.filter((file) => !files.includes(file));
  return missing.length > 0 ? `it lacks ${missing.join(', ')}` : undefined;
}

function machinePaths() {
  const home = homedir();
  const paths = [root, work, ...(home.length > 1 ? [`${home}/`] : [])];
  for (const file of filesOf(installed)) {
    const text = readFileSync(join(installed, file), 'latin1');
    const found = paths.find((path) => text.includes(path));
    if (found !== undefined) return `${file} holds ${found}`;
    if (/\/(home|Users)\/\w+\//.test(text)) return `${file} holds the path of a home folder`;
  }
  return undefined;
}

function printsVersion() {
  const { stdout } = run(command(), ['--version']);
  return stdout.trim() === version ? undefined : `it printed ${JSON.stringify(stdout)}, not ${version}`;
}

function runs() {
  const documents = join(consumer, 'documents');
  mkdirSync(documents);
  for (const n of [1, 2, 3]) writeFileSync(join(documents, `${n}.txt`), `Document number ${n} is about batches.\n`);
  const { stdout } = run(command(), ['run', 'documents', '--prompt', 'Summarize', '--sandbox', '--json']);
  const { summary, simulated, results } = JSON.parse(stdout);
  if (simulated !== true) return 'the results do not say that they are simulated';
  const isWhole = summary.successful === 3 && results.every(({ status, result }) => status === 'success' && result);
  return isWhole ? undefined : `the results are ${stdout.slice(0, 300)}`;
}

function serves() {
  const script = `
    const { spawn } = await import('node:child_process');
    const { once } = await import('node:events');
    const child = spawn(${JSON.stringify(command())}, ['serve', '--sandbox', '--port', '0', '--home', 'service'],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
    const url = /listening on (\\S+)/.exec(line)[1];
    const page = await fetch(url);
    if (!page.ok || !(await page.text()).includes('<script')) throw new Error('the dashboard is not served');
    const job = { job_type: 'hook_generation', provider: 'openai', data: { script: 'shoes' } };
    const queued = await fetch(url + '/batch/queue',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(job) });
    if (!queued.ok) throw new Error('a job is not taken: ' + (await queued.text()));
    child.kill('SIGTERM');
    const [code] = await ended;
    if (code !== 0) throw new Error('it ended with ' + code);
  `;
  run('node', ['--input-type=module', '--eval', script]);
  return undefined;
}

function resolves() {
  const script = `
    const offpeak = await import('${name}');
    for (const known of ['createOffpeak', 'createSqliteStore', 'createOpenAIProvider', 'startSandbox', 'OffpeakError']) {
      if (typeof offpeak[known] !== 'function') throw new Error('${name} exports no ' + known);
    }
    // The suites run inside vitest only, so they are found here and run in our own tests.
    const { existsSync } = await import('node:fs');
    const suites = new URL(import.meta.resolve('${name}/testing'));
    if (!existsSync(suites)) throw new Error('${name}/testing leads to a file that is not there');
  `;
  run('node', ['--input-type=module', '--eval', script]);
  return undefined;
}

function types() {
  const source = `
    import { createOffpeak, createSqliteStore, type Offpeak, type Run, type Store } from '${name}';
    import { testProvider } from '${name}/testing';
    const store: Store = createSqliteStore({ path: 'x.db', owner: 'me' });
    export const make: (...options: Parameters<typeof createOffpeak>) => Offpeak = createOffpeak;
    export const parts: { store: Store; suite: typeof testProvider; runs: Promise<Run[]> } = {
      store, suite: testProvider, runs: store.listRuns() };
  `;
  writeFileSync(join(consumer, 'consumer.ts'), source);
  const compilerOptions = { module: 'NodeNext', target: 'ES2024', strict: true, noEmit: true, skipLibCheck: true };
  const typeRoots = [join(root, 'node_modules', '@types')];
  const tsconfig = { compilerOptions: { ...compilerOptions, typeRoots, types: ['node'] }, files: ['consumer.ts'] };
  writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(tsconfig));
  run('node', [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', consumer]);
  return undefined;
}

function oldNode() {
  const old = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
    .find((path) => existsSync(path) && majorOf(path) < 22);
  if (old === undefined) return 'skipped: there is no Node below 22 on this machine';
  const { status, stderr } = spawnSync(old, [join(installed, 'bin', 'offpeak.js'), 'runs'], { encoding: 'utf8' });
  const lines = stderr.trim().split('\n');
  const isClear = lines.length === 1 && /needs Node .+; this is Node \d+/.test(stderr);
  return status === 3 && isClear ? undefined : `exit ${status}, and it said: ${stderr.slice(0, 300)}`;
}

function majorOf(node) {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(stdout ?? '')?.[1] ?? Number.NaN);
}

function command() {
  return join(consumer, 'node_modules', '.bin', name);
}

/** Runs to the end; throws with what was said when it fails. `node` is the Node of this script. */
function run(program, args, options = {}) {
  // The settings of whoever runs this must not decide what is found; the home is a new one.
  const own = Object.entries(process.env).filter(([key]) => !/^(OFFPEAK|OPENAI|OLLAMA|npm_config_prefix)/.test(key));
  const env = { ...Object.fromEntries(own), OFFPEAK_HOME: join(work, 'home') };
  const file = program === 'node' ? process.execPath : program;
  const done = spawnSync(file, args, {
    cwd: existsSync(consumer) ? consumer : root,
    encoding: 'utf8',
    env,
    ...options,
  });
  if (done.error) throw done.error;
  if (done.status === 0) return done;
  const words = `${done.stdout}\n${done.stderr}`.trim().slice(-2000);
  throw new Error(`${program} ${args.join(' ').slice(0, 80)} ended with ${done.status}: ${words}`);
}

/** Relative paths, with `/`. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
}
