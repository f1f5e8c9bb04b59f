import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startMockServer } from './mock-server.ts';
import { richWorld } from './rich-world.ts';
import { emptyWorld } from './world.ts';

/** `node test/browser/mock/run-mock.ts [--empty] [--simulated] [--directory DIR]`: the built dashboard with made-up data. */
const { values } = parseArgs({
  options: { empty: { type: 'boolean' }, simulated: { type: 'boolean' }, directory: { type: 'string' } },
});
const now = Date.now();
const world = values.empty ? emptyWorld(now) : richWorld(now, { simulated: values.simulated ?? false });
const directory = values.directory ?? join(import.meta.dirname, '../../../dist/dashboard');
const { url } = await startMockServer(() => {}, { world, directory });
process.stdout.write(`${url}\n`);
