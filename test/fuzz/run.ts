import { parseArgs } from 'node:util';
import { fuzzOperation } from './fuzz-operation.ts';
import { openFuzzTarget } from './fuzz-service.ts';

/** `node test/fuzz/run.ts --runs 10000 [--only /batch/queue] [--seed 7]`: every operation of the OpenAPI document. */
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, only: { type: 'string' }, seed: { type: 'string' } },
});

const undone: (() => void | Promise<void>)[] = [];
let failed = 0;
try {
  const target = await openFuzzTarget((work) => {
    undone.push(work);
  });
  for (const operation of target.document.operations) {
    const name = `${operation.method} ${operation.path}`;
    if (values.only !== undefined && !operation.path.includes(values.only)) continue;
    const began = performance.now();
    try {
      const options = {
        runs: Number(values.runs),
        ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
      };
      const statuses = await fuzzOperation(target, operation, options);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(
        `${name}: ${[...statuses].map(([status, count]) => `${status} x ${count}`).join(', ')} in ${seconds} s`,
      );
    } catch (error) {
      failed++;
      console.log(`${name}: FAILED\n${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const error of target.errors) console.log(`inside: ${error}`);
  failed += target.errors.length;
} finally {
  for (const work of undone.toReversed()) await work();
}
console.log(failed === 0 ? 'No 5xx, no answer outside the document.' : `${failed} failed.`);
process.exitCode = failed === 0 ? 0 : 1;
