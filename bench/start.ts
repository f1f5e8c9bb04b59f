import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { alternate, type Bench, ratioOf, runNode, spreadOf } from './harness.ts';
import { textFolder } from './material.ts';
import type { Product } from './product.ts';
import { milliseconds, type Table, times, verdict } from './report.ts';

/** How soon the command is there, and how soon a small folder is done. */
export async function start(bench: Bench, product: Product): Promise<Table[]> {
  const timesEach = 50;
  const bare = { bare: true };
  const {
    node = [],
    version = [],
    help = [],
  } = await alternate(timesEach, {
    node: async () => (await runNode(['-e', '0'], bare)).ms,
    version: async () => (await runNode([product.path, '--version'], bare)).ms,
    help: async () => (await runNode([product.path, '--help'], bare)).ms,
  });
  const folder = textFolder(bench.work, 10, 1024);
  const { ten = [] } = await alternate(Math.max(10, bench.runs), { ten: () => tenFiles(bench, product, folder) });
  const ratio = ratioOf(version, node);
  const tenSpread = spreadOf(ten);
  return [
    {
      title: `start: ${timesEach} runs each, ${ten.length} of the folder`,
      columns: ['command', 'wall'],
      rows: [
        ['node -e 0', milliseconds(spreadOf(node))],
        ['offpeak --version', milliseconds(spreadOf(version))],
        ['offpeak --help', milliseconds(spreadOf(help))],
        ['offpeak run, 10 files, sandbox inside, to the exported file', milliseconds(tenSpread)],
      ],
      notes: [
        verdict('--version at most 2.5 x bare node', ratio.median <= 2.5, times(ratio)),
        verdict('10 files in less than 1 s', tenSpread.median < 1000, milliseconds(tenSpread)),
      ],
    },
  ];
}

async function tenFiles({ work }: Bench, product: Product, folder: string): Promise<number> {
  const home = mkdtempSync(join(work, 'home-'));
  const output = join(home, 'results.json');
  try {
    const args = ['run', folder, '--prompt', 'Summarize this note', '--sandbox', '--output', output];
    const { ms } = await runNode([product.path, ...args], { env: { OFFPEAK_HOME: home }, bare: true });
    return ms;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
