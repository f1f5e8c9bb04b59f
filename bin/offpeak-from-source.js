// The command straight from the sources of a checkout: `npm run --silent offpeak -- ARGS`.
import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../package.json');
const { start } = await import('../src/cli/start.ts');
await start(version);
