import { resolve } from 'node:path';
import { OffpeakError } from '../errors.ts';
import { totalOf } from '../job.ts';
import type { Provider } from '../provider.ts';
import type { Recipe } from '../recipe.ts';
import type { Run } from '../run.ts';
import type { Item, Source } from '../source.ts';
import type { Store } from '../store.ts';
import type { AddedJobs } from '../store-rows.ts';
import type { Context } from './context.ts';
import { dryRun } from './dry-run.ts';
import { exitCodes } from './exit-codes.ts';
import {
  checkOutput,
  checkResultsDirectory,
  keepResults,
  printResults,
  writeOutput,
  writeResults,
} from './export-command.ts';
import { follow, onInterrupt } from './follow.ts';
import { chooseModel } from './model-choice.ts';
import { say } from './output.ts';
import { checkTarget, formatFor, type RunFlags, recipeOptions, runOptions, sourceOptions } from './run-flags.ts';
import { exitCodeOfRun, reusedWords, summaryOf, tellInterrupted, tellOverBudget } from './summary.ts';
import { formatCount } from './terminal.ts';
import { createWatch } from './watch.ts';

/** Runs of up to so many jobs have their answers printed at the end, when no output was named. */
const printUpTo = 20;

/** `offpeak run`: a folder, one prompt, one command. */
export async function runCommand(context: Context, target: string | undefined, flags: RunFlags): Promise<number> {
  const simulated = flags.sandbox ?? false;
  const { config } = context;
  checkTarget(target, flags);
  const format = formatFor(flags.output, flags.format);
  const { provider, model } = chooseModel(
    flags.model,
    config,
    await context.providers(simulated),
    simulated || flags.dryRun === true,
  );
  const [{ createRecipe }, { createSource }] = await Promise.all([
    import('../recipes/recipes.ts'),
    import('../sources/sources.ts'),
  ]);
  const source = createSource(sourceOptions(target, flags, config, model));
  const recipe = createRecipe(recipeOptions(source.description.type, flags, model));
  const options = runOptions(flags, config);
  if (flags.dryRun) {
    const prices = await context.prices();
    return dryRun({ source, recipe, provider, prices, mode: options.mode, json: flags.json ?? false });
  }
  await checkOutput(flags.output);
  await checkResultsDirectory(context);
  const first = await firstItem(source);
  if (first === undefined) {
    say(`Nothing matches in ${target ?? 'the named files'}. Check the folder, --pattern and the other filters.`);
    return exitCodes.usage;
  }

  if (flags.budget !== undefined && source.description.type !== 'jsonl') checkBound(provider, recipe, first);
  const watch = createWatch({ quiet: flags.json ?? false });
  const interrupt = onInterrupt(watch);
  const offpeak = await context.offpeak(simulated, watch.onEvent);
  const { run, attached } = await offpeak.begin({
    source,
    recipe,
    provider,
    model,
    ...options,
    ...(flags.output === undefined ? {} : { output: { path: resolve(flags.output), format } }),
  });
  announce(run, attached, watch.log);
  const outcome = await follow(context, offpeak, run, watch, interrupt, {
    // A run that was read to its end once is not read again: what changed since is the next run's.
    ...(run.state === 'open' ? { fill: { reopen: false } } : {}),
    untilSubmitted: !flags.wait,
    onFilled: (added) => tellAdded(added, watch.log),
  });
  const ended = (await offpeak.store.getRun(run.id)) ?? run;
  if (outcome === 'interrupted') {
    return tellInterrupted(context, offpeak, ended);
  }
  if (ended.isOverBudget) return tellOverBudget(context, ended);
  if (!flags.wait && ended.state !== 'ended') {
    say(`Submitted: ${summaryOf(ended)}\nFollow it with:  ${context.command(`resume ${run.id}`)}`);
    return exitCodes.succeeded;
  }
  await give(context, offpeak.store, ended, flags, format);
  await keepResults(context, offpeak, run.id);
  return exitCodeOfRun(ended);
}

/** Looked at before a run is made, so that a wrong folder leaves nothing behind. */
async function firstItem(source: Source): Promise<Item | undefined> {
  for await (const item of source.items()) return item;
  return undefined;
}

/** One prompt over everything: what the first request lacks, all lack, and a run of nothing but skipped files helps nobody. */
function checkBound(provider: Provider, recipe: Recipe, item: Item): void {
  if (item.content.type === 'skip' || provider.toWire(recipe.toRequest(item)).size.maxOutputTokens !== undefined)
    return;
  throw new OffpeakError(
    '--budget needs --max-tokens: without a longest answer, nobody can say what a request may cost.',
    { code: 'usage' },
  );
}

function announce(run: Run, attached: boolean, log: (line: string) => void): void {
  const done = run.counts.succeeded + run.counts.failed + run.counts.skipped;
  log(
    attached
      ? `Going on with run ${run.id}: ${formatCount(done)} of ${formatCount(totalOf(run.counts))} are done.${run.state === 'open' ? '' : ' Files changed or added since it was begun are left for the next run.'}`
      : `Run ${run.id}${run.simulated ? ' (simulated)' : ''}`,
  );
}

function tellAdded(added: AddedJobs, log: (line: string) => void): void {
  if (added.reused > 0) {
    log(`${reusedWords(added.reused)} reused from earlier runs; nothing is sent for them (--fresh insists).`);
  }
  if (added.changed.length > 0) {
    const names = added.changed.slice(0, 3).join(', ');
    log(`Changed since they were sent, and not sent again by this run: ${names}. Run once more when it has ended.`);
  }
}

/** The results where they were asked for: a file, stdout as data, or a few lines to read. */
async function give(
  context: Context,
  store: Store,
  run: Run,
  flags: RunFlags,
  format: ReturnType<typeof formatFor>,
): Promise<void> {
  if (flags.output !== undefined) await writeOutput(context, store, run, flags.output, format);
  if (flags.json) await writeResults(store, run.id, 'json', undefined);
  else if (flags.output === undefined && flags.format !== undefined)
    await writeResults(store, run.id, format, undefined);
  else if (flags.output === undefined && totalOf(run.counts) <= printUpTo) {
    await printResults(store, run.id, { limit: printUpTo });
  }
  if (flags.json) return;
  const written =
    flags.output === undefined
      ? `Results:  ${context.command(`results ${run.id}`)}`
      : `Results written to ${flags.output}.`;
  say(`${summaryOf(run)}\n${written}`);
}
