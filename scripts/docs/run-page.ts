import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Block } from './markdown.ts';

/** The ports that pages write; free ones stand in for them. */
const writtenPorts = ['4010', '4011'] as const;
const longestBlockMs = 60_000;

export interface PageRun {
  /** What the block printed, ready to stand in the page; for `run` blocks only. */
  outputs: Map<Block, string>;
  problems: string[];
}

/**
 * Runs the marked blocks of a page from top to bottom, in a folder with a copy of `examples`, a home of its own, and
 * `offpeak` on the path. Everything it started has ended when it returns.
 */
export async function runPage(root: string, page: string, blocks: readonly Block[]): Promise<PageRun> {
  const place = await makePlace(root);
  const groups: number[] = [];
  const result: PageRun = { outputs: new Map(), problems: [] };
  try {
    for (const block of blocks) {
      const { mark } = block;
      if (mark.type === 'file') {
        const path = join(place.cwd, mark.name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, `${place.toRun(block.text)}\n`);
      }
      if (mark.type !== 'run') continue;
      const { exit, output } = await runBlock(place, block.text, mark.server, groups);
      result.outputs.set(block, place.toPage(output));
      if (exit !== mark.exit) {
        result.problems.push(`${page}:${block.from}: exit ${exit}, not ${mark.exit}:\n${block.text}\n${output}`);
        break;
      }
    }
  } finally {
    await endGroups(groups);
    rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return result;
}

interface Place {
  folder: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  toRun(text: string): string;
  toPage(output: string): string;
}

async function makePlace(root: string): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-docs-'));
  const [cwd, home, bin, packageFolder] = ['work', 'home', 'bin', 'package'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const path of [cwd, home, bin, packageFolder, join(cwd, 'node_modules')]) mkdirSync(path);
  cpSync(join(root, 'examples'), join(cwd, 'examples'), { recursive: true });
  const command = join(root, 'bin', 'offpeak-from-source.js');
  writeFileSync(join(bin, 'offpeak'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`, { mode: 0o755 });
  // `import ... from 'offpeak'` finds the sources: a package of that name that leads to them.
  writeFileSync(join(packageFolder, 'package.json'), '{"name":"offpeak","type":"module","exports":"./src/index.ts"}');
  symlinkSync(join(root, 'src'), join(packageFolder, 'src'));
  symlinkSync(packageFolder, join(cwd, 'node_modules', 'offpeak'));
  writeFileSync(join(cwd, 'package.json'), '{"type":"module"}');
  const ports = await Promise.all(writtenPorts.map(async (written) => ({ written, free: await freePort() })));
  const path = [bin, dirname(process.execPath), process.env.PATH].join(':');
  return {
    folder,
    cwd,
    env: { PATH: path, HOME: home, TMPDIR: folder, TZ: 'UTC', LANG: 'C.UTF-8', NO_COLOR: '1' },
    // In one pass: a free port may contain the digits of a written one.
    toRun: (text) =>
      text.replace(/\b401[01]\b/g, (found) => ports.find(({ written }) => written === found)?.free ?? found),
    toPage: (output) =>
      ports
        .reduce((words, { written, free }) => words.replaceAll(`:${free}`, `:${written}`), output)
        .replaceAll('\r\n', '\n')
        .replaceAll(cwd, '~/work')
        .replaceAll(home, '~')
        .replaceAll(homedir().length > 1 ? homedir() : home, '~')
        .trimEnd(),
  };
}

async function runBlock(place: Place, text: string, isServer: boolean, groups: number[]) {
  const log = join(place.folder, `block-${groups.length}.log`);
  const file = openSync(log, 'w');
  const script = isServer ? `exec ${place.toRun(text)}` : place.toRun(text);
  const child = spawn('bash', ['-eu', '-o', 'pipefail', '-c', script], {
    cwd: place.cwd,
    env: place.env,
    stdio: ['ignore', file, file],
    // A group of its own, so that what a block leaves running can be ended with it.
    detached: true,
  });
  closeSync(file);
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : -1));
  if (child.pid !== undefined) groups.push(child.pid);
  const output = () => readFileSync(log, 'utf8');
  if (!isServer) {
    const exit = await Promise.race([ended, sleep(longestBlockMs, -2, { ref: false })]);
    return { exit, output: output() };
  }
  for (let waited = 0; waited < 10_000 && child.exitCode === null; waited += 50) {
    if (output().includes('listening on')) return { exit: 0, output: output() };
    await sleep(50);
  }
  return { exit: child.exitCode ?? -1, output: output() };
}

async function endGroups(groups: readonly number[]): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const left = groups.filter((group) => {
      try {
        return process.kill(-group, signal);
      } catch {
        return false;
      }
    });
    if (left.length > 0) await sleep(200);
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' && address ? address.port : 0);
}

/** What may differ between two runs of the same commands: ids, times, and how often the progress was shown. */
export function comparable(output: string): string {
  return output
    .split('\n')
    .filter((line) => !/^\d\d:\d\d:\d\d {2}/.test(line))
    .map((line) =>
      line
        .replace(/run-\d{8}-\d{6}-\w+/g, 'RUN')
        .replace(/\b(?:msgbatch_\w{10,}|batches\/\w{10,}|batch_[0-9a-f]{8,})/g, 'BATCH')
        .replace(/file-\w{10,}/g, 'FILE')
        .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?/g, 'TIME')
        .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'TIME')
        .replace(/\b[\d.]+ (ms|s)\b/g, 'SECONDS')
        .replace(/("(?:processing_time|job)": ?)[\d.]+/g, '$1N')
        .replace(/,\d+\.\d+,/g, ',SECONDS,')
        .replace(/[\d.]+ [KMGT]?B free/g, 'BYTES free')
        .replace(/v\d+\.\d+\.\d+/g, 'VERSION')
        .trimEnd(),
    )
    .join('\n')
    .trim();
}
