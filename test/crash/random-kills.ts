import { parseArgs } from 'node:util';
import { killAtRandom } from './random-kill-run.ts';

/** `node test/crash/random-kills.ts --runs 100 [--seed N] [--files N] [--parallel N]`; exits with 1 on a violation. */
const { values } = parseArgs({
  options: {
    random: { type: 'boolean' },
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    files: { type: 'string', default: '300' },
    parallel: { type: 'string', default: '2' },
  },
});

const started = performance.now();
const seed = Number(values.seed);
const totals = await killAtRandom({
  seed,
  runs: Number(values.runs),
  files: Number(values.files),
  parallel: Number(values.parallel),
  onRun: ({ kills, violations, verdict, ...run }) => {
    const places = kills.map(({ afterMs, found }) => `${afterMs} ms (${found})`).join(', ');
    const end = violations.length === 0 ? 'ok' : 'VIOLATED';
    const faults = run.faults ? ', faults' : '';
    console.log(`seed ${run.seed} ${run.mode}${faults}: killed at ${places || 'no time'}; ${end}`);
    if (verdict.paidAgain > 0) console.log(`  paid again, on record: ${verdict.paidAgain}`);
    for (const words of violations) console.log(`  ${words}`);
  },
});
const { lost, duplicated, unexpected, paidTwice, recovered } = totals;
console.log(`\nkills by what they found: ${JSON.stringify(totals.found)}`);
console.log(`${totals.runs} runs, ${totals.kills} kills, ${Math.round((performance.now() - started) / 1000)} s`);
console.log(`lost ${lost}, duplicated ${duplicated}, unexpected ${unexpected}, paid twice ${paidTwice}`);
console.log(`recovered ${recovered}; seed ${seed}`);
if (totals.failedSeeds.length > 0) {
  console.log(`violated by the seeds ${totals.failedSeeds.join(', ')}: --runs 1 --seed ${totals.failedSeeds[0]}`);
  process.exitCode = 1;
}
