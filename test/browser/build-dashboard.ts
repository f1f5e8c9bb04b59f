import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder, type Undo } from '../support/temporary.ts';

const dashboard = join(import.meta.dirname, '../../dashboard');

/** The dashboard as it is published, in a folder of the test's own: a build of yesterday proves nothing. */
export async function buildDashboard(undo: Undo): Promise<string> {
  const directory = join(temporaryFolder(undo, 'offpeak-dashboard-'), 'dashboard');
  const vite = createRequire(join(dashboard, 'package.json')).resolve('vite/package.json');
  const script = join(dirname(vite), 'bin/vite.js');
  const options = ['build', '--outDir', directory, '--emptyOutDir', '--logLevel', 'error'];
  await promisify(execFile)(process.execPath, [script, ...options], { cwd: dashboard });
  return directory;
}
