import { parseArgs } from 'node:util';
import type { Undo } from '../support/temporary.ts';
import { killService } from './service-kill-run.ts';

/** `npm run crash -- --service [--jobs 10000] [--kills 20] [--seed 1]`: the server killed while clients queue jobs. */
const { values } = parseArgs({
  options: {
    service: { type: 'boolean' },
    jobs: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '20' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
});
const undone: Parameters<Undo>[0][] = [];
try {
  const report = await killService((step) => void undone.push(step), {
    seed: Number(values.seed),
    jobs: Number(values.jobs),
    clients: Number(values.clients),
    kills: Number(values.kills),
  });
  const { verdict, violations, ...figures } = report;
  console.log(JSON.stringify(figures));
  console.log(JSON.stringify({ ...verdict, violations: undefined }));
  for (const words of violations) console.log(`VIOLATED  ${words}`);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  for (const step of undone.reverse()) await step();
}
