import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { here, repository, type Spread } from './harness.ts';

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  /** What was wanted and whether it was reached, and what a reader has to know. */
  notes?: readonly string[];
}

export function tableText({ title, columns, rows, notes = [] }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = [line(columns), line(columns.map((_, column) => (column === 0 ? '---' : '---:')))];
  const below = notes.length === 0 ? '' : `\n${notes.map((note) => `- ${note}`).join('\n')}\n`;
  return `### ${title}\n\n${[...head, ...rows.map(line)].join('\n')}\n${below}`;
}

export function seconds({ median, min, max }: Spread): string {
  return `${(median / 1000).toFixed(2)} s (${(min / 1000).toFixed(2)}-${(max / 1000).toFixed(2)})`;
}

export function milliseconds({ median, min, max }: Spread): string {
  const digits = median < 100 ? 1 : 0;
  return `${median.toFixed(digits)} ms (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}

export function microseconds({ median, min, max }: Spread): string {
  return `${median.toFixed(1)} us (${min.toFixed(1)}-${max.toFixed(1)})`;
}

export function megabytes({ median, min, max }: Spread): string {
  const mb = (bytes: number) => Math.round(bytes / 1e6);
  return `${mb(median)} MB (${mb(min)}-${mb(max)})`;
}

export function perSecond({ median, min, max }: Spread): string {
  const whole = (value: number) => Math.round(value).toLocaleString('en-US');
  return `${whole(median)}/s (${whole(min)}-${whole(max)})`;
}

export function times({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} x (${min.toFixed(2)}-${max.toFixed(2)})`;
}

export function percent({ median, min, max }: Spread): string {
  const whole = (value: number) => Math.round(value * 100);
  return `${whole(median)} % (${whole(min)}-${whole(max)})`;
}

/** `wanted at most 2.00 x: reached` with the figure: targets are told, not enforced. */
export function verdict(wanted: string, reached: boolean, figure: string): string {
  return `wanted ${wanted}: ${figure}, ${reached ? 'reached' : '**missed**'}`;
}

/** Where and with what the figures came about: they mean little elsewhere. */
export function machineText(product: string): string {
  const [cpu] = cpus();
  const version = (path: string) => {
    const parsed: unknown = JSON.parse(readFileSync(join(repository, path), 'utf8'));
    return (parsed as { version: string }).version;
  };
  const database = new DatabaseSync(':memory:');
  const sqlite = database.prepare('SELECT sqlite_version() AS version').get()?.version;
  database.close();
  return [
    `machine: ${cpu?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ` +
      `${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${osName()} (${type()} ${release()})`,
    `versions: node ${process.versions.node}, sqlite ${sqlite}, offpeak ${version('package.json')} (${product}), ` +
      `openai SDK ${version('node_modules/openai/package.json')}`,
  ].join('\n');
}

function osName(): string {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /PRETTY_NAME="([^"]+)"/.exec(text)?.[1] ?? process.platform;
}

const resultsHead = `# Benchmark results

Written by \`npm run bench -- NAME --save\`. Medians, with the least and the most in brackets. Provider and contenders share
the machine's cores, so figures of different runs compare only roughly, and those of different machines not at all.
`;

export function save(command: string, machine: string, tables: readonly string[]): string {
  const path = here('RESULTS.md');
  if (!existsSync(path)) writeFileSync(path, resultsHead);
  const day = new Date().toISOString().slice(0, 16).replace('T', ' ');
  appendFileSync(path, `\n## ${day} UTC\n\n\`${command}\`\n\n${machine.replace('\n', '  \n')}\n\n${tables.join('\n')}`);
  return path;
}
