import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { VendorName } from '../vendors.ts';
import { answersOf } from './answers.ts';

/**
 * `results-server.ts VENDOR ROWS ANSWER_BYTES ORDER`: an ended batch and its results, made once and kept as bytes. Says its
 * address; reads the custom id of the first row, from which the others count on; says how many bytes the results have.
 */
const [vendor = '', rowsText = '', bytesText = '', order = ''] = process.argv.slice(2);
const answers = answersOf[vendor as VendorName];
const rows = Number(rowsText);
let file = Buffer.alloc(0);
let url = '';

const server = createServer((request, response) => {
  request.resume();
  if (request.url?.split('?')[0] === answers.resultsPath) {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.length });
    response.end(file);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answers.batch(rows, url)));
});
server.listen(0, '127.0.0.1', () => {
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  console.log(url);
});

process.stdin.setEncoding('utf8').once('data', (text: string) => {
  const [, nonce = '', job = ''] = /^op-([^-]+)-([^-]+)-/.exec(text.trim()) ?? [];
  const first = Number.parseInt(job, 36);
  const lines = Array.from({ length: rows }, (_, index) => {
    const row = order === 'shuffled' ? shuffled(index) : index;
    const line = answers.line(`op-${nonce}-${(first + row).toString(36)}-1`, row, Number(bytesText));
    return `${JSON.stringify(line)}\n`;
  });
  file = Buffer.from(lines.join(''));
  console.log(file.length);
});

/** Each index once, far from its neighbours: a step that has no factor in common with the number of rows. */
function shuffled(index: number): number {
  const greatest = (a: number, b: number): number => (b === 0 ? a : greatest(b, a % b));
  let step = Math.floor(rows * 0.618);
  while (greatest(step, rows) !== 1) step += 1;
  return (index * step) % rows;
}
