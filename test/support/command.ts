import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Undo } from './temporary.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
export const commandPath = process.env.OFFPEAK_TEST_COMMAND ?? `${repository}bin/offpeak-from-source.js`;

export interface CommandOptions {
  home: string;
  /** Base URL of a sandbox process; the command is pointed at it with a test key. */
  sandbox?: string | undefined;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** A command that has not ended by then has failed; it is killed. */
  timeoutMs?: number;
}

export interface CommandResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  durationMs: number;
  timedOut: boolean;
}

/** The command as a process of its own. */
export interface RunningCommand {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the match once stdout or stderr holds it; rejects when the process ends without it. */
  output(pattern: RegExp): Promise<RegExpMatchArray>;
  ended: Promise<CommandResult>;
}

/** Nothing of this machine's settings may reach the command under test. */
function cleanEnvironment(options: CommandOptions): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(OPENAI|OFFPEAK|OLLAMA|ANTHROPIC|GEMINI|VITEST|NODE_OPTIONS|NODE_V8|FORCE_COLOR)/.test(name)) {
      env[name] = value;
    }
  }
  env.NO_COLOR = '1';
  env.OFFPEAK_HOME = options.home;
  if (options.sandbox !== undefined) {
    env.OPENAI_BASE_URL = `${options.sandbox}/v1`;
    env.OPENAI_API_KEY = 'sk-test-0123456789abcdef';
    env.OLLAMA_HOST = options.sandbox;
  }
  return { ...env, ...options.env };
}

export function startCommand(args: readonly string[], options: CommandOptions, undo?: Undo): RunningCommand {
  const start = performance.now();
  const child = spawn(process.execPath, [commandPath, ...args], {
    env: cleanEnvironment(options),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutMs ?? 30_000);
  const texts = watchOutput(child);
  const ended = once(child, 'close').then(([exitCode, signal]): CommandResult => {
    clearTimeout(timer);
    const durationMs = performance.now() - start;
    return { exitCode, signal, stdout: texts.stdout, stderr: texts.stderr, durationMs, timedOut };
  });
  undo?.(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid ?? -1,
    kill: (signal) => child.kill(signal),
    output: (pattern) => texts.find(pattern, ended),
    ended,
  };
}

export async function runCommand(args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return startCommand(args, options).ended;
}

/** What a failed expectation should show of a command. */
export function wordsOf(result: CommandResult): string {
  const end = result.timedOut ? 'did not end in time' : `exit ${result.exitCode}, signal ${result.signal}`;
  return `${end}\n--- stdout\n${result.stdout.slice(-2000)}\n--- stderr\n${result.stderr.slice(-4000)}`;
}

function watchOutput(child: ChildProcess) {
  const texts = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      for (const look of waiting) look();
    });
  }
  const find = (pattern: RegExp, ended: Promise<CommandResult>) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const match = texts.stdout.match(pattern) ?? texts.stderr.match(pattern);
        if (!match) return;
        waiting.delete(look);
        resolve(match);
      };
      waiting.add(look);
      look();
      void ended.then((result) => reject(new Error(`No output matches ${pattern}: ${wordsOf(result)}`)));
    });
  return {
    find,
    get stdout() {
      return texts.stdout;
    },
    get stderr() {
      return texts.stderr;
    },
  };
}
