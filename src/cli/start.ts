import { keepHeapSmall } from './heap.ts';
import { main } from './main.ts';

/** Runs the command line of this process and sets its exit code. */
export async function start(version: string): Promise<void> {
  silenceSqliteWarning();
  keepHeapSmall();
  // Whoever reads us may leave (`offpeak results | head`): a quiet end.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await main(process.argv.slice(2), version);
}

/** Node 22 calls node:sqlite experimental at every start; that one warning says nothing to our users. */
function silenceSqliteWarning(): void {
  const emit = process.emitWarning.bind(process);
  process.emitWarning = (warning: string | Error, ...rest: never[]) => {
    if (String(warning).startsWith('SQLite is an experimental feature')) return;
    emit(warning, ...rest);
  };
}
