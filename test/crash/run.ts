import { parseArgs } from 'node:util';
import { matrixCases, runMatrix, shortForm, tableOf, wholeForm } from './crash-matrix.ts';
import { ways } from './crash-points.ts';

/**
 * `npm run crash`: every crash point x four ways x five seeds, all double faults, random kills; a table at the end, and
 * exit code 1 on a violation. `-- --short`: one seed, some pairs. `-- --way NAME`: one way. `-- --random`: the command
 * itself killed at random moments (`random-kills.ts`). `-- --mutants`: seeded defects (`mutants.ts`). `-- --large`:
 * 200,000 jobs (`large-run.ts`). `-- --huge`: results larger than the memory (`huge-results.ts`). `-- --service`: the server killed
 * while jobs are queued over HTTP (`service-kills.ts`).
 */
const others: Readonly<Record<string, () => Promise<unknown>>> = {
  '--mutants': () => import('./mutants.ts'),
  '--random': () => import('./random-kills.ts'),
  '--large': () => import('./large-run.ts'),
  '--huge': () => import('./huge-results.ts'),
  '--service': () => import('./service-kills.ts'),
};
const other = Object.keys(others).find((flag) => process.argv.includes(flag));
if (other) await others[other]?.();
else await runWhole();

async function runWhole(): Promise<void> {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean', default: false },
      seeds: { type: 'string' },
      way: { type: 'string', multiple: true },
      parallel: { type: 'string', default: '2' },
    },
  });
  const form = values.short ? shortForm : wholeForm;
  const cases = matrixCases({
    ...form,
    ...(values.seeds === undefined ? {} : { seeds: Number(values.seeds) }),
    ...(values.way ? { only: ways.filter((way) => values.way?.includes(way)) } : {}),
  });
  const started = performance.now();
  let done = 0;
  const totals = await runMatrix(cases, Number(values.parallel), ({ name, violations }) => {
    done += 1;
    for (const words of violations) console.log(`VIOLATED  ${name}: ${words}`);
    if (done % 100 === 0) console.log(`${done} of ${cases.length}`);
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`\n${tableOf(totals)}\n\n${cases.length} runs in ${seconds} s`);
  if ([...totals.values()].some(({ violated }) => violated > 0)) process.exitCode = 1;
}
