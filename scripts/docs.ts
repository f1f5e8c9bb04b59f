// Writes the parts of the docs that come from the program: tables, `--help`, and what marked commands print.
// Run it after a change of flags, settings, states or messages: `npm exec -- node scripts/docs.ts`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, blocksOf, fillGenerated, pagesOf, readPage } from './docs/markdown.ts';
import { comparable, runPage } from './docs/run-page.ts';
import { makeTables } from './docs/tables.ts';

const root = join(import.meta.dirname, '..');
const tables = await makeTables(root);
const only = process.argv.slice(2);

for (const page of pagesOf(root)) {
  if (only.length > 0 && !only.includes(page)) continue;
  const before = readPage(root, page);
  const filled = fillGenerated(before, (name) => tables.get(name) ?? `No such part: ${name}.`);
  const blocks = blocksOf(page, filled);
  const { outputs, problems } = await runPage(root, page, blocks);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  const after = withOutputs(filled, blocks, outputs);
  if (after !== before) writeFileSync(join(root, page), after);
  console.log(`${page}: ${outputs.size} blocks run${after === before ? '' : ', written anew'}`);
}

/** From the last block to the first, so that line numbers stay right. */
function withOutputs(markdown: string, blocks: readonly Block[], outputs: ReadonlyMap<Block, string>): string {
  const lines = markdown.split('\n');
  for (const [at, block] of [...blocks.entries()].reverse()) {
    const printed = outputs.get(blocks[at - 1] ?? block);
    if (block.mark.type !== 'output' || printed === undefined) continue;
    if (comparable(printed) === comparable(block.text)) continue;
    lines.splice(block.from, block.to - block.from, ...printed.split('\n'));
  }
  return lines.join('\n');
}
