import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `scan-naive.ts FOLDER` */
const folder = process.argv[2] ?? '';
const started = performance.now();
let files = 0;
for (const name of (await readdir(folder)).sort()) {
  if ((await readFile(join(folder, name), 'utf8')).length > 0) files += 1;
}
console.log(JSON.stringify({ files, perSecond: (files / (performance.now() - started)) * 1000 }));
