// The main job on a fresh machine: a folder of files, one prompt, answers as a table. No key, no service, no cost: the
// sandbox of this package stands in for the provider, and its answers are made up.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const home = '.tmp/demo';
const csv = `${home}/results.csv`;
const prefix = 'npm run --silent offpeak --';

if (!existsSync(join(root, 'node_modules', 'commander'))) {
  console.error('demo: the packages are not installed. Run:  npm ci && npm run demo');
  process.exit(1);
}
rmSync(join(root, home), { recursive: true, force: true });

console.log(`One prompt over the 7 documents in examples/documents.
The answers are SIMULATED by the sandbox: no model is asked, no key is needed, nothing is paid.`);
const run = ['run', 'examples/documents', '--pattern', '*.txt', '--prompt', 'Summarize this document'];
offpeak(...run, '--model', 'openai:gpt-5-mini', '--sandbox', '--output', csv, '--home', home);
offpeak('export', '--format', 'csv', '--home', home);
offpeak('batches', '--home', home);

console.log(`
Done. The table above is in ${csv}. What to type next:

  ${prefix} results --home ${home}
  ${prefix} export --home ${home} --output report.md
  ${prefix} run YOUR_FOLDER --prompt "Your question" --dry-run --model openai:gpt-5-mini --sandbox

With a key the same command asks a model, at half price:

  export OPENAI_API_KEY=sk-...
  ${prefix} run YOUR_FOLDER --prompt "Your question" --model openai:gpt-5-mini`);

/** Shows the command as it would be typed, runs it, and ends the demo with its exit code when it fails. */
function offpeak(...args) {
  console.log(`\n$ ${prefix} ${args.map(quoted).join(' ')}`);
  const command = join(root, 'bin', 'offpeak-from-source.js');
  // Without the settings of whoever runs it: the demo is the same everywhere.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(OFFPEAK|OPENAI|OLLAMA)_/.test(name)),
  );
  const { status, error } = spawnSync(process.execPath, [command, ...args], { cwd: root, stdio: 'inherit', env });
  if (status === 0) return;
  console.error(`demo: the command above ended with ${error ? error.message : `exit code ${status}`}.`);
  process.exit(status || 1);
}

function quoted(arg) {
  return /^[\w./:-]+$/.test(arg) ? arg : `"${arg}"`;
}
