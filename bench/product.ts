import { execFileSync } from 'node:child_process';
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
  for (const name of ['bin', 'src', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    if (existsSync(join(repository, name))) cpSync(join(repository, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  const script = join(root, 'scripts', 'build.js');
  const built = existsSync(script);
  const args = built ? [script] : [join(repository, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  return { path: join(root, 'bin', 'offpeak.js'), words: built ? 'built by scripts/build.js' : 'built by tsc' };
}
