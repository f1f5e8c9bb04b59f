import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { collect } from './collect.ts';
import type { Bench } from './harness.ts';
import { pack } from './pack.ts';
import { priming } from './priming.ts';
import { buildProduct, type Product } from './product.ts';
import { providers } from './providers.ts';
import { machineText, save, type Table, tableText } from './report.ts';
import { resume } from './resume.ts';
import { service } from './service.ts';
import { serviceViews } from './service-views.ts';
import { start } from './start.ts';
import { enqueue, scan, store } from './store.ts';
import { memory, scale, wholeWay } from './whole-way.ts';

/** `npm run bench -- [name...] [--runs N] [--scale 0.1] [--save]`: what this machine and this version do. */
const benches: Readonly<Record<string, (bench: Bench, product: Product) => Promise<Table[]>>> = {
  'whole-way': wholeWay,
  memory,
  providers,
  scale,
  enqueue,
  store,
  pack,
  resume,
  start,
  scan,
  collect,
  service,
  'service-views': serviceViews,
  priming,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    save: { type: 'boolean', default: false },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
for (const name of names) {
  if (!benches[name]) throw new Error(`There is no benchmark ${name}; there are ${Object.keys(benches).join(', ')}.`);
}

const work = mkdtempSync(join(tmpdir(), 'offpeak-bench-'));
try {
  const product = buildProduct(work);
  const machine = machineText(product.words);
  console.log(`${machine}\nruns: ${values.runs}; medians, (least-most)\n`);
  const bench: Bench = { runs: Number(values.runs), scale: Number(values.scale), work, say: console.error };
  const texts: string[] = [];
  for (const name of names) {
    bench.say(`... ${name}`);
    for (const table of (await benches[name]?.(bench, product)) ?? []) {
      const text = tableText(table);
      texts.push(text);
      console.log(text);
    }
  }
  if (values.save) {
    const flags = process.argv.slice(2).filter((flag) => flag !== '--save');
    console.log(`saved to ${save(['npm run bench --', ...flags].join(' ').trim(), machine, texts)}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
