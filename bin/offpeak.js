#!/usr/bin/env node
// Plain JavaScript that every Node understands, so that an old one gets a sentence and not a stack trace.
import { createRequire } from 'node:module';

const { engines, version } = createRequire(import.meta.url)('../package.json');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `offpeak ${version} needs Node ${engines.node}; this is Node ${process.versions.node}. See https://nodejs.org`,
  );
  process.exitCode = 3;
} else if (['--version', '-V'].includes(process.argv[2] ?? '')) {
  console.log(version);
} else {
  const module = await import('node:module');
  module.enableCompileCache?.();
  const { start } = await import('../dist/cli/start.js');
  await start(version);
}
