import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startMockServer } from './mock-server.ts';
import { richWorld } from './rich-world.ts';
import { emptyWorld } from './world.ts';

/** `node test/browser/mock/run-mock.ts [--empty] [--simulated]`: the built dashboard with made-up data, to look at. */
const { values } = parseArgs({ options: { empty: { type: 'boolean' }, simulated: { type: 'boolean' } } });
const now = Date.now();
const world = values.empty ? emptyWorld(now) : richWorld(now, { simulated: values.simulated ?? false });
const directory = join(import.meta.dirname, '../../../dist/dashboard');
const { url } = await startMockServer(() => {}, { world, directory });
process.stdout.write(`${url}\n`);
