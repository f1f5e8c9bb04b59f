import { escapeForTerminal } from './terminal.ts';

/** Data goes to stdout; everything a person reads beside it goes to stderr. */
export function printData(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function say(text: string): void {
  process.stderr.write(`${escapeForTerminal(text)}\n`);
}

/** Width of the terminal on stdout; undefined when it is none. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}
