import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { createStopwatch } from './stopwatch.ts';

/**
 * What one writes in ten minutes on Anthropic's SDK: everything in memory, nothing durable, no accounting.
 * `node bench/naive-anthropic.ts IN.jsonl OUT.jsonl POLL_MS MODEL`
 */
const [inputPath = '', outputPath = '', pollMs = '50', model = ''] = process.argv.slice(2);
const maxRequests = 100_000;

const stopwatch = createStopwatch();
const client = new Anthropic();
const requests = readFileSync(inputPath, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => {
    const { custom_id, prompt, max_tokens } = JSON.parse(line);
    return { custom_id, params: { model, max_tokens, messages: [{ role: 'user' as const, content: prompt }] } };
  });
stopwatch.lap('pack');

const ids: string[] = [];
for (let first = 0; first < requests.length; first += maxRequests) {
  const batch = await client.messages.batches.create({ requests: requests.slice(first, first + maxRequests) });
  ids.push(batch.id);
}
stopwatch.lap('create');

const results: string[] = [];
for (const id of ids) {
  let batch = await client.messages.batches.retrieve(id);
  while (batch.processing_status !== 'ended') {
    await sleep(Number(pollMs));
    batch = await client.messages.batches.retrieve(id);
  }
  stopwatch.lap('wait');
  for await (const { custom_id, result } of await client.messages.batches.results(id)) {
    if (result.type !== 'succeeded') throw new Error(`${custom_id} ${result.type}`);
    const { content, usage } = result.message;
    const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    results.push(JSON.stringify({ id: custom_id, result: text, usage }));
  }
  stopwatch.lap('collect');
}
writeFileSync(outputPath, `${results.join('\n')}\n`);
console.log(JSON.stringify({ rows: results.length, batches: ids.length, phases: stopwatch.laps }));
