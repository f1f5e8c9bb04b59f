// Builds `dist`: plain JavaScript and type declarations. Whatever is wrong ends it with a sentence and exit code 1, and
// leaves no `dist` behind, so that nobody packs half a build.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const problem = compile() ?? buildDashboard() ?? check();
if (problem !== undefined) {
  rmSync(dist, { recursive: true, force: true });
  console.error(`build: ${problem}`);
  process.exit(1);
}
console.log(`build: dist is made, ${filesOf(dist).length} files.`);

function compile() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(tsc)) return 'TypeScript is not installed; run `npm ci` first.';
  const { status, error } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) return `tsc could not be started: ${error.message}`;
  return status === 0 ? undefined : `tsc ended with exit code ${status}.`;
}

/** The page, by Vite, into `dist/dashboard`. */
function buildDashboard() {
  const folder = join(root, 'dashboard');
  const { resolve } = createRequire(join(folder, 'package.json'));
  const vite = join(dirname(resolve('vite/package.json')), 'bin', 'vite.js');
  const { status, error } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (error) return `vite could not be started: ${error.message}`;
  if (status !== 0) return `vite ended with exit code ${status}.`;
  // The server sends them as they are, and compresses nothing itself.
  for (const file of filesOf(join(dist, 'dashboard')).filter((name) => /\.(js|css|html|svg)$/.test(name))) {
    const path = join(dist, 'dashboard', file);
    const bytes = readFileSync(path);
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  }
  return undefined;
}

/** What types cannot see: no helper of the tests is shipped, and vitest is only ever asked for by `offpeak/testing`. */
function check() {
  const files = filesOf(dist);
  const missing = ['index.js', 'index.d.ts', 'cli/start.js', 'dashboard/index.html'].filter(
    (file) => !files.includes(file),
  );
  if (missing.length > 0) return `dist lacks ${missing.join(', ')}.`;
  const helper = files.find((file) => /\.test\.|-fixtures\.|test-client\.|scripted-server\./.test(file));
  if (helper) return `${helper} is a helper of the tests; exclude it in tsconfig.build.json.`;
  for (const file of files.filter((name) => name.endsWith('.js') && !name.startsWith('dashboard/'))) {
    const text = readFileSync(join(dist, file), 'utf8');
    if (/from '[^']+\.ts'/.test(text)) return `${file} imports a .ts file.`;
    if (/from 'vitest'/.test(text) && !file.startsWith('testing/')) return `${file} imports vitest.`;
    if (/from '[^']*\/testing\//.test(text)) return `${file} imports the test suites.`;
  }
  return undefined;
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
