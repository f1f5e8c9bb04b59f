import { Command, CommanderError } from 'commander';
import { hasCode, messageOf } from '../errors.ts';
import type { Act } from './act.ts';
import { addService } from './add-service.ts';
import type { AdoptFlags } from './adopt-command.ts';
import type { Context, GlobalFlags } from './context.ts';
import type { ControlFlags } from './control-commands.ts';
import type { CostsFlags } from './costs-command.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { ExportFlags, ResultsFlags } from './export-command.ts';
import { say } from './output.ts';
import type { RunFlags } from './run-flags.ts';
import type { SandboxFlags } from './sandbox-command.ts';
import type { BatchesFlags, ListFlags } from './view-commands.ts';

/** The command line. Every command is loaded when it is called, so that `--help` and `--version` start at once. */
export async function main(argv: readonly string[], version: string): Promise<number> {
  let exitCode: number = exitCodes.succeeded;
  const program = new Command('offpeak')
    .description('LLM work that can wait, at batch prices: no accepted job lost, none paid for twice.')
    .version(version, '-V, --version')
    .option('--home <dir>', 'where runs and results are kept (default: $OFFPEAK_HOME or ~/.offpeak)')
    .showHelpAfterError('(offpeak --help lists the commands)')
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', exitCodeHelp);

  const act: Act =
    (action) =>
    async (...given) => {
      const [argument, flags, command] = given.length === 3 ? given : [undefined, ...given];
      exitCode = await withContext({ ...flags, ...command.optsWithGlobals<GlobalFlags>() }, (context) =>
        action(context, argument, flags),
      );
    };
  addRun(program, act);
  addViews(program, act);
  addMoney(program, act);
  addControls(program, act);
  addService(program, act, version);
  addTools(program, act);
  try {
    await program.parseAsync(['node', 'offpeak', ...argv]);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.succeeded : exitCodes.usage;
    say(`offpeak: ${messageOf(error)}`);
    if (hasCode(error, 'unavailable'))
      say('Check the network and the address of the provider; `offpeak doctor` tests both.');
    if (process.env.OFFPEAK_DEBUG) console.error(error);
    return exitCodeOf(error);
  }
  return exitCode;
}

const exitCodeHelp = `
Exit codes: 0 all succeeded · 1 some failed, were skipped or cancelled · 2 wrong usage, nothing was done
            3 could not run (store, provider, disk) · 130 interrupted, go on with \`offpeak resume\`

Try it without a key:  offpeak run ./documents --prompt "Summarize this document" --sandbox`;

async function withContext(flags: GlobalFlags, work: (context: Context) => Promise<number>): Promise<number> {
  const { openContext } = await import('./context.ts');
  const context = await openContext(flags);
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}

const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value];

function addRun(program: Command, act: Act): void {
  program
    .command('run')
    .alias('batch')
    .argument('[source]', 'a folder, or a .jsonl file of requests')
    .description('run one prompt over every file of a folder, or a file of requests')
    .option('-p, --prompt <text>', 'what to do with each file')
    .option('--prompt-file <file>', 'the prompt, from a file')
    .option('--system <text>', 'system message')
    .option('-m, --model <provider:model>', 'such as openai:gpt-5-mini or ollama:llama3.2')
    .option('--schema <file>', 'JSON Schema that every answer must satisfy')
    .option('--max-tokens <n>', 'longest answer')
    .option('--temperature <n>', '0 to 2')
    .option('--files <path...>', 'these files instead of a folder')
    .option('--pattern <glob>', 'which files, ** for subfolders; may be repeated', collect)
    .option('-r, --recursive', 'subfolders too')
    .option('--exclude <glob>', 'leave these out; may be repeated', collect)
    .option('--hidden', 'files that begin with a dot too')
    .option('--vision', 'images only')
    .option('--min-size <size>', 'leave out smaller files (500, 200k, 5MB)')
    .option('--max-size <size>', 'leave out larger files')
    .option('--newer-than <date>', 'changed at or after, ISO date')
    .option('--older-than <date>', 'changed before, ISO date')
    .option('--limit <n>', 'at most so many files')
    .option('--max-file-size <size>', 'larger texts are skipped with the reason (default 1 MiB)')
    .option('--max-image-size <size>', 'larger images and documents are skipped (default 20 MiB)')
    .option('--mode <mode>', 'auto, batch (half price, within 24 h) or realtime', 'auto')
    .option('--priority <1-10>', 'higher goes first (default 5)')
    .option('--retries <n>', 'attempts a job may use (default 3)')
    .option('--concurrency <n>', 'realtime calls at once (default 5)')
    .option('--timeout <seconds>', 'realtime time-out of a file (default 30)')
    .option(
      '--deadline <when>',
      'needed by then: 6h, or 2026-12-01T08:00Z; what a batch would bring too late goes realtime',
    )
    .option('--budget <usd>', 'never spend more; what does not fit waits (needs --max-tokens)')
    .option('--prime-cache', 'one row first, so that the others read the shared prompt from the cache')
    .option('--name <text>', 'a name for people')
    .option('-o, --output <file>', 'write the results here when all is done; .json .csv .md .jsonl')
    .option('-f, --format <format>', 'json, csv, markdown or jsonl')
    .option('--no-wait', 'end when everything is submitted; follow it later with resume')
    .option('--dry-run', 'count, tokens and both prices; nothing is sent')
    .option('--fresh', 'send everything again, reuse no earlier result')
    .option('--sandbox', 'simulated answers: no key, no cost')
    .option('--json', 'results as JSON on stdout and nothing else')
    .action(
      act(async (context, source, flags: RunFlags) =>
        (await import('./run-command.ts')).runCommand(context, source, flags),
      ),
    );
}

function addViews(program: Command, act: Act): void {
  program
    .command('runs')
    .alias('batch-list')
    .description('list the runs, newest first')
    .option('--limit <n>', 'how many (default 20)')
    .option('--json', 'as JSON')
    .action(
      act(async (context, _, given: ListFlags) => (await import('./view-commands.ts')).runsCommand(context, given)),
    );
  program
    .command('show')
    .alias('batch-show')
    .argument('[run]', 'id, a unique beginning of one, or latest (default)')
    .description('show one run: state, counts, cost, batches, failures')
    .option('--json', 'as JSON')
    .action(
      act(async (context, id, flags: ListFlags) =>
        (await import('./view-commands.ts')).showCommand(context, id, flags),
      ),
    );
  program
    .command('results')
    .argument('[run]', 'id, a unique beginning of one, or latest (default)')
    .description('print the answers of a run')
    .option('--state <state>', 'only these; may be repeated', collect)
    .option('--limit <n>', 'at most so many')
    .option('--json', 'as JSON')
    .action(
      act(async (context, id, flags: ResultsFlags) =>
        (await import('./export-command.ts')).resultsCommand(context, id, flags),
      ),
    );
  program
    .command('export')
    .alias('batch-export')
    .argument('[run]', 'id, a unique beginning of one, or latest (default)')
    .description('write the results of a run as JSON, CSV, Markdown or JSONL')
    .option('-o, --output <file>', 'where to (default: stdout)')
    .option('-f, --format <format>', 'json, csv, markdown or jsonl (default: by the file name, else json)')
    .option('--state <state>', 'only these; may be repeated', collect)
    .option('--formulas', 'CSV: leave cells that look like formulas as they are')
    .action(
      act(async (context, id, flags: ExportFlags) =>
        (await import('./export-command.ts')).exportCommand(context, id, flags),
      ),
    );
  program
    .command('batches')
    .description('list the batches at the providers')
    .option('--run <run>', 'only of this run')
    .option('--limit <n>', 'how many (default 20)')
    .option('--json', 'as JSON')
    .action(
      act(async (context, _, given: BatchesFlags) =>
        (await import('./view-commands.ts')).batchesCommand(context, given),
      ),
    );
}

function addMoney(program: Command, act: Act): void {
  program
    .command('costs')
    .description('what was charged, and saved against realtime')
    .option('--by <what>', 'model (default), provider, run or day')
    .option('--run <run>', 'only of this run')
    .option('--since <day>', 'from this day on, such as 2026-11-01')
    .option('--json', 'as JSON')
    .action(
      act(async (context, _, flags: CostsFlags) => (await import('./costs-command.ts')).costsCommand(context, flags)),
    );
}

function addControls(program: Command, act: Act): void {
  program
    .command('resume')
    .alias('batch-resume')
    .argument('[run]', 'id, a unique beginning of one, or latest (default)')
    .description('go on with a run: unfinished, failed, and files that have become readable')
    .option('--no-wait', 'end when everything is submitted')
    .option('--budget <usd>', 'another budget for the run')
    .option('--deadline <when>', 'another deadline')
    .action(
      act(async (context, id, flags: ControlFlags) =>
        (await import('./control-commands.ts')).resumeCommand(context, id, flags),
      ),
    );
  program
    .command('retry')
    .argument('[run]', 'id, a unique beginning of one, or latest (default)')
    .description('send the failed jobs of a run again')
    .option('--no-wait', 'end when everything is submitted')
    .action(
      act(async (context, id, flags: ControlFlags) =>
        (await import('./control-commands.ts')).retryCommand(context, id, flags),
      ),
    );
  program
    .command('cancel')
    .argument('[run]', 'id, a unique beginning of one, or latest (default)')
    .description('stop a run at the provider too; what was finished is kept')
    .option('--no-wait', 'only ask for it')
    .action(
      act(async (context, id, flags: ControlFlags) =>
        (await import('./control-commands.ts')).cancelCommand(context, id, flags),
      ),
    );
}

function addTools(program: Command, act: Act): void {
  program
    .command('adopt')
    .argument('[batch]', 'provider:id, such as openai:batch_abc123; several with commas between them')
    .description('bring in batches that were submitted elsewhere: their results become runs')
    .option('--all', 'every ended batch at the providers that no run owns')
    .option('--sandbox', "the sandbox's batches")
    .action(
      act(async (context, batches, flags: AdoptFlags) =>
        (await import('./adopt-command.ts')).adoptCommand(context, batches?.split(',') ?? [], flags),
      ),
    );
  program
    .command('doctor')
    .description('check node, disk, store and providers')
    .option('--sandbox', 'check the sandbox instead of the real providers')
    .option('--json', 'as JSON')
    .action(
      act(async (context, _, given: GlobalFlags & { json?: boolean }) =>
        (await import('./doctor-command.ts')).doctorCommand(context, given),
      ),
    );
  program
    .command('sandbox')
    .description('serve the emulated provider APIs for tests and demonstrations')
    .option('--port <n>', 'default: any free port')
    .option('--seed <n>', 'another order and other faults')
    .option('--state <dir>', 'where it keeps its files (default: under the home)')
    .option('--time-scale <n>', 'its clock runs so many times as fast')
    .option('--in-progress <seconds>', 'how long a batch takes, in its own time')
    .option('--faults <file>', 'a fault plan, JSON')
    .action(
      act(async (context, _, given: SandboxFlags) =>
        (await import('./sandbox-command.ts')).sandboxCommand(context, given),
      ),
    );
  program
    .command('config')
    .description('show every setting and where it came from')
    .option('--json', 'as JSON')
    .action(
      act(async (context, _, given: ListFlags) => (await import('./view-commands.ts')).configCommand(context, given)),
    );
}
