import { join } from 'node:path';
import { createOffpeak } from '../../src/offpeak.ts';
import { createRecipe } from '../../src/recipes/recipes.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { createDocumentsSource, documentKeys } from '../support/documents-source.ts';
import { providerNames, providerUnderTest } from '../support/providers-under-test.ts';

/** What the process of the large run is told; its only argument, as JSON. */
export interface LargeOrder {
  home: string;
  url: string;
  /** Of each provider. */
  jobs: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as LargeOrder;
const limits = { pollMinMs: 50, pollMaxMs: 500, absentListings: 3, absentGraceMs: 1_000, maxRequests: 20_000 };
const providers = providerNames.map((name) => providerUnderTest(name).create({ url: order.url, limits }));
const offpeak = createOffpeak({
  store: createSqliteStore({ path: join(order.home, 'offpeak.db') }),
  providers,
  createSource: ({ api }) => sourceOf(String(api)),
  retry: { baseMs: 500, maxMs: 2_000 },
});

function sourceOf(api: string) {
  const { items } = createDocumentsSource(documentKeys(order.jobs, api));
  return { description: { type: 'documents', api, jobs: order.jobs }, items };
}

const stop = new AbortController();
const worker = offpeak.worker();
const working = worker.run(stop.signal);
const ids = await Promise.all(
  providers.map(async (provider) => {
    const { model } = providerUnderTest(provider.name as (typeof providerNames)[number]);
    const { run } = await offpeak.begin({
      source: sourceOf(provider.name),
      recipe: createRecipe({ type: 'prompt', version: 1, model, prompt: 'Summarize this document' }),
      ...{ provider, model, mode: 'batch' as const, maxAttempts: 6 },
    });
    await offpeak.fill(run, { onChunk: () => worker.wake() });
    worker.wake();
    return run.id;
  }),
);
for (;;) {
  const runs = await Promise.all(ids.map((id) => offpeak.store.getRun(id)));
  if (runs.every((run) => run?.state === 'ended')) break;
  await Promise.race([working, new Promise((resolve) => setTimeout(resolve, 100))]);
}
stop.abort();
await working;
await offpeak.close();
process.stdout.write(`${JSON.stringify({ maxRssMb: Math.round(process.resourceUsage().maxRSS / 1024) })}\n`);
