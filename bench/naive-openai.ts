import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { toFile } from 'openai';
import { createStopwatch } from './stopwatch.ts';

/**
 * What one writes in ten minutes on the OpenAI SDK: everything in memory, nothing durable, no retries, no accounting.
 * `node bench/naive-openai.ts IN.jsonl OUT.jsonl POLL_MS`
 */
const [inputPath = '', outputPath = '', pollMs = '50'] = process.argv.slice(2);
const maxBytes = 200_000_000;
const maxRequests = 50_000;

const stopwatch = createStopwatch();
const client = new OpenAI();
const ids: string[] = [];
const bodies = bodiesOf(readFileSync(inputPath, 'utf8'));
stopwatch.lap('pack');
for (const body of bodies) {
  const file = await client.files.create({ file: await toFile(Buffer.from(body), 'batch.jsonl'), purpose: 'batch' });
  stopwatch.lap('upload');
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  ids.push(batch.id);
  stopwatch.lap('create');
}

const results: string[] = [];
for (const id of ids) {
  let batch = await client.batches.retrieve(id);
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
    await sleep(Number(pollMs));
    batch = await client.batches.retrieve(id);
  }
  stopwatch.lap('wait');
  if (!batch.output_file_id) throw new Error(`batch ${id} is ${batch.status}`);
  const text = await (await client.files.content(batch.output_file_id)).text();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const row = JSON.parse(line);
    const { choices, usage } = row.response.body;
    results.push(JSON.stringify({ id: row.custom_id, result: choices[0].message.content, usage }));
  }
  stopwatch.lap('collect');
}
writeFileSync(outputPath, `${results.join('\n')}\n`);
console.log(JSON.stringify({ rows: results.length, batches: ids.length, phases: stopwatch.laps }));

/** The file as it is where it fits into one batch, else cut at the provider's limits. */
function bodiesOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length <= maxRequests && Buffer.byteLength(text) <= maxBytes) return [text];
  const bodies: string[] = [];
  let group: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    const lineBytes = Buffer.byteLength(line) + 1;
    if (group.length === maxRequests || bytes + lineBytes > maxBytes) {
      bodies.push(group.join('\n'));
      group = [];
      bytes = 0;
    }
    group.push(line);
    bytes += lineBytes;
  }
  bodies.push(group.join('\n'));
  return bodies;
}
