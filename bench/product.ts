import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './harness.ts';

export interface Product {
  /** The command's script, as users run it. */
  path: string;
  /** How it was built. */
  words: string;
}

/** The command as it is published: built into a folder of its own, so that nobody's `dist` is disturbed. */
export function buildProduct(work: string): Product {
  const root = join(work, 'product');
  mkdirSync(root, { recursive: true });
  for (const name of ['bin', 'src', 'scripts', 'dashboard', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    if (existsSync(join(repository, name))) cpSync(join(repository, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  const path = join(root, 'bin', 'offpeak.js');
  const node = (...args: string[]) =>
    spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  const built = node(join(root, 'scripts', 'build.js'));
  if (built.status === 0) return { path, words: 'built by scripts/build.js' };
  // A fault of the types alone changes nothing of what runs; it is told with the figures.
  node(join(repository, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--declaration', 'false');
  if (!existsSync(join(root, 'dist', 'cli', 'start.js')))
    throw new Error(`The product cannot be built: ${built.stdout}`);
  return { path, words: `built by tsc, because scripts/build.js failed: ${built.stdout.trim().split('\n')[0]}` };
}
