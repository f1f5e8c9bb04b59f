import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { textOf } from '../material.ts';

/**
 * `results-server.ts ROWS ANSWER_BYTES`: an ended batch and its output file, made once and kept as bytes. Says its address;
 * reads the custom id of the first row, from which the others count on; says how many bytes the file has.
 */
const rows = Number(process.argv[2]);
const answerBytes = Number(process.argv[3]);
let file = Buffer.alloc(0);

const server = createServer((request, response) => {
  request.resume();
  if (request.url === '/v1/files/file-output/content') {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.length });
    response.end(file);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      id: 'batch_bench',
      object: 'batch',
      endpoint: '/v1/chat/completions',
      input_file_id: 'file-input',
      completion_window: '24h',
      status: 'completed',
      output_file_id: 'file-output',
      error_file_id: null,
      created_at: 1,
      request_counts: { total: rows, completed: rows, failed: 0 },
      metadata: null,
    }),
  );
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));

process.stdin.setEncoding('utf8').once('data', (text: string) => {
  const [, nonce = '', job = ''] = /^op-([^-]+)-([^-]+)-/.exec(text.trim()) ?? [];
  const first = Number.parseInt(job, 36);
  file = Buffer.from(
    Array.from({ length: rows }, (_, index) => lineOf(`op-${nonce}-${(first + index).toString(36)}-1`, index)).join(''),
  );
  console.log(file.length);
});

function lineOf(id: string, seed: number): string {
  const body = {
    id: `chatcmpl-${seed}`,
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'gpt-5-mini-2025-08-07',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: textOf(seed, answerBytes), refusal: null, annotations: [] },
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 250,
      completion_tokens: 256,
      total_tokens: 506,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    system_fingerprint: null,
  };
  const response = { status_code: 200, request_id: `req_${seed}`, body };
  return `${JSON.stringify({ id: `batch_req_${seed}`, custom_id: id, response, error: null })}\n`;
}
