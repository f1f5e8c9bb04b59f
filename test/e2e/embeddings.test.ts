import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createSource } from '../../src/sources/sources.ts';
import { resultsOf } from '../support/engine-under-test.ts';
import { openStage } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

it('60,000 texts to embed in 30 requests: two batches, for one may hold 50,000; nothing fails', async ({
  onTestFinished,
}) => {
  const stage = await openStage(onTestFinished);
  const path = join(stage.folder, 'embeddings.jsonl');
  const input = Array.from({ length: 2_000 }, (_, i) => `text ${i}`);
  const lines = Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({
      custom_id: `row-${i}`,
      method: 'POST',
      url: '/v1/embeddings',
      body: { model: 'text-embedding-3-small', dimensions: 1, input: [...input.slice(1), `row ${i}`] },
    }),
  );
  writeFileSync(path, lines.join('\n'));
  const engine = stage.engine({ source: createSource({ type: 'jsonl', path }) });
  const begun = await engine.begin(stage.folder, { model: 'text-embedding-3-small' });
  const run = await engine.finish(begun);
  expect(run.counts).toMatchObject({ succeeded: 30, failed: 0 });
  const batches = await engine.store.listBatches({ runId: run.id });
  expect(batches.map(({ requests, inputs }) => [requests, inputs])).toEqual([
    [5, 10_000],
    [25, 50_000],
  ]);
  expect(await stage.sandbox.ledger()).toMatchObject({ creates: 2, rowsCharged: 30, realtimeCalls: 0 });
  const { output = '[]' } = (await resultsOf(engine.store, run.id)).get('row-0') ?? {};
  expect(JSON.parse(output)).toHaveLength(2_000);
});
