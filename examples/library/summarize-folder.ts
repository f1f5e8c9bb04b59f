// One prompt over a folder, from TypeScript: `node summarize-folder.ts FOLDER RESULTS.json`.
// It starts a sandbox, so that it runs without a key; the answers are simulated.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createFilesSource,
  createFileTarget,
  createOffpeak,
  createOpenAIProvider,
  createPromptRecipe,
  createSink,
  createSqliteStore,
  startSandbox,
} from 'offpeak';

const [folder = 'documents', results = 'results.json'] = process.argv.slice(2);
const model = 'gpt-5-mini';
const home = mkdtempSync(join(tmpdir(), 'summarize-folder-'));

const sandbox = await startSandbox({ stateDir: join(home, 'sandbox') });
// With a key: createOpenAIProvider({ apiKey }), createAnthropicProvider({ apiKey }) ..., and no sandbox.
const provider = createOpenAIProvider({ apiKey: 'sk-sandbox', baseUrl: `${sandbox.url}/v1`, simulated: true });

const store = createSqliteStore({ path: join(home, 'offpeak.db') });
const offpeak = createOffpeak({ store, providers: [provider] });

const { run } = await offpeak.begin({
  source: createFilesSource({ directory: folder, pattern: '*.txt' }),
  recipe: createPromptRecipe({ type: 'prompt', version: 1, model, prompt: 'Summarize this document' }),
  provider,
  model,
});
await offpeak.fill(run);
await offpeak.worker({ runId: run.id }).run(new AbortController().signal);
const rows = await offpeak.deliver(run.id, createSink('json', createFileTarget(results)));
console.log(`${rows} results of ${run.id} written to ${results}.`);

await offpeak.close();
await sandbox.close();
rmSync(home, { recursive: true });
