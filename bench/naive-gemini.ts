import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { GoogleGenAI } from '@google/genai';
import { createStopwatch } from './stopwatch.ts';

/**
 * What one writes in ten minutes on Google's SDK, which uploads from and downloads to a path only.
 * `node bench/naive-gemini.ts IN.jsonl OUT.jsonl POLL_MS MODEL`
 */
const [inputPath = '', outputPath = '', pollMs = '50', model = ''] = process.argv.slice(2);
const batchPath = `${outputPath}.batch`;
const answersPath = `${outputPath}.answers`;

const stopwatch = createStopwatch();
const client = new GoogleGenAI({});
const lines = readFileSync(inputPath, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => {
    const { custom_id, prompt, max_tokens } = JSON.parse(line);
    const contents = [{ role: 'user', parts: [{ text: prompt }] }];
    return JSON.stringify({ key: custom_id, request: { contents, generationConfig: { maxOutputTokens: max_tokens } } });
  });
writeFileSync(batchPath, `${lines.join('\n')}\n`);
stopwatch.lap('pack');

const file = await client.files.upload({ file: batchPath, config: { mimeType: 'application/jsonl' } });
stopwatch.lap('upload');
let batch = await client.batches.create({ model, src: file.name ?? '', config: { displayName: 'naive' } });
stopwatch.lap('create');

while (batch.state !== 'JOB_STATE_SUCCEEDED') {
  if (/FAILED|CANCELLED|EXPIRED/.test(batch.state ?? '')) throw new Error(`batch ${batch.name} is ${batch.state}`);
  await sleep(Number(pollMs));
  batch = await client.batches.get({ name: batch.name ?? '' });
}
stopwatch.lap('wait');

await client.files.download({ file: batch.dest?.fileName ?? '', downloadPath: answersPath });
const results: string[] = [];
for (const line of readFileSync(answersPath, 'utf8').split('\n')) {
  if (line === '') continue;
  const { key, response } = JSON.parse(line);
  const result = response.candidates[0].content.parts[0].text;
  results.push(JSON.stringify({ id: key, result, usage: response.usageMetadata }));
}
stopwatch.lap('collect');
writeFileSync(outputPath, `${results.join('\n')}\n`);
for (const path of [batchPath, answersPath]) rmSync(path);
console.log(JSON.stringify({ rows: results.length, batches: 1, phases: stopwatch.laps }));
