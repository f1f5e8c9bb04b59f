import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newHome } from './end-to-end.ts';
import { alternate, type Bench, medianOf, runNode } from './harness.ts';
import { textFolder, textOf } from './material.ts';
import type { Product } from './product.ts';
import { type Table, verdict } from './report.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { vendors } from './vendors.ts';

/** Tokens are some four characters. */
const prefixTokens = 4000;
const fileBytes = 400;

interface Primed {
  ms: number;
  input: number;
  cached: number;
  /** By the provider's own books, and by ours. */
  charged: number;
  told: number;
  batches: number;
}

/**
 * Rows that share a long prompt, at Anthropic: with `--prime-cache` one row goes ahead and writes the prompt into the
 * provider's cache, the others read it there. `marked, cold`: the same marks without the row ahead, which costs more than
 * no marks at all, because every row writes.
 */
export async function priming(bench: Bench, product: Product): Promise<Table[]> {
  const rows = Math.round(2000 * bench.scale);
  const folder = textFolder(bench.work, rows, fileBytes);
  const prompt = textOf(1, prefixTokens * 4);
  const promptPath = join(bench.work, 'prompt.txt');
  writeFileSync(promptPath, prompt);
  const marked = markedFile(bench.work, rows, prompt);
  const sandbox = await startSandboxProcess(bench.work);
  const run = (args: readonly string[]) => () => runPriming(bench, product, sandbox, args);
  try {
    const {
      off = [],
      cold = [],
      primed = [],
    } = await alternate(bench.runs, {
      off: run([folder, '--prompt-file', promptPath]),
      cold: run([marked]),
      primed: run([folder, '--prompt-file', promptPath, '--prime-cache']),
    });
    const share = medianOf(primed.map(({ cached, input }) => cached / input));
    const saved = 1 - medianOf(primed.map(({ charged }) => charged)) / medianOf(off.map(({ charged }) => charged));
    return [
      {
        title: `priming: ${rows.toLocaleString('en-US')} rows that share ${prefixTokens} tokens, Anthropic`,
        columns: ['way', 'wall', 'batches', 'prompt tokens', 'of them read from the cache', 'charged', '`show` says'],
        rows: [
          cells('without --prime-cache', off),
          cells('marked in the requests, cold', cold),
          cells('--prime-cache', primed),
        ],
        notes: [
          verdict('most of the prompt read from the cache', share >= 0.8, `${(share * 100).toFixed(1)} %`),
          verdict('at least 35 % cheaper than without', saved >= 0.35, `${(saved * 100).toFixed(1)} % cheaper`),
          'Published for a batch of this kind: 0 % read cold, 100 % primed, 35 % cheaper.',
          'The sandbox writes and reads the cache as documented; how many rows really find it there only Anthropic can say.',
        ],
      },
    ];
  } finally {
    await sandbox.close();
  }
}

function cells(name: string, runs: readonly Primed[]): string[] {
  const of = (field: keyof Primed) => medianOf(runs.map((run) => run[field]));
  const dollars = (nano: number) => `$${(nano / 1e9).toFixed(4)}`;
  return [
    name,
    `${(of('ms') / 1000).toFixed(2)} s`,
    String(of('batches')),
    of('input').toLocaleString('en-US'),
    `${of('cached').toLocaleString('en-US')} (${((of('cached') / of('input')) * 100).toFixed(1)} %)`,
    dollars(of('charged')),
    dollars(of('told')),
  ];
}

async function runPriming(
  { work }: Bench,
  product: Product,
  sandbox: SandboxProcess,
  args: readonly string[],
): Promise<Primed> {
  await sandbox.reset();
  const vendor = vendors.anthropic;
  const home = newHome(work, vendor, sandbox.url);
  try {
    const env = { OFFPEAK_HOME: home };
    const output = ['--output', join(home, 'results.jsonl')];
    const model = ['--model', `${vendor.name}:${vendor.model}`];
    const { ms } = await runNode([product.path, 'run', ...args, ...model, ...output], { env });
    const { stdout } = await runNode([product.path, 'show', '--json'], { env });
    const shown = JSON.parse(stdout) as Shown;
    const ledger = await sandbox.ledger();
    return {
      ms,
      input: shown.usage.input_tokens,
      cached: shown.usage.cached_tokens,
      charged: ledger.chargedNanoUsd,
      told: (shown.cost_usd ?? Number.NaN) * 1e9,
      batches: ledger.batches.length,
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface Shown {
  usage: { input_tokens: number; cached_tokens: number };
  cost_usd: number | null;
}

/** Requests whose prompt is marked by the user, as people do who read half of the guide. */
function markedFile(work: string, rows: number, prompt: string): string {
  const path = join(work, 'marked.jsonl');
  const lines = Array.from({ length: rows }, (_, row) => {
    const shared = { type: 'text', text: prompt, cache_control: { type: 'ephemeral', ttl: '1h' } };
    const content = [shared, { type: 'text', text: textOf(row, fileBytes) }];
    const body = { model: vendors.anthropic.model, max_tokens: 4096, messages: [{ role: 'user', content }] };
    return JSON.stringify({ custom_id: `row-${row}`, url: '/v1/messages', body });
  });
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
