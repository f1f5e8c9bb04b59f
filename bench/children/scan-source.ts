import { createFilesSource } from '../../src/sources/files/files-source.ts';

/** `scan-source.ts FOLDER` */
const started = performance.now();
let files = 0;
for await (const item of createFilesSource({ directory: process.argv[2] ?? '', pattern: '*' }).items()) {
  if (item.content.type === 'text') files += 1;
}
console.log(JSON.stringify({ files, perSecond: (files / (performance.now() - started)) * 1000 }));
