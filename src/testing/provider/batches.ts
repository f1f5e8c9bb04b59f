import { expect, test } from 'vitest';
import type { BatchApi, Provider, RemoteBatch, ResultLine } from '../../provider.ts';
import type { ModelRequest } from '../../request.ts';
import { chat, type ProviderCapabilities, type ProviderUnderTest } from './context.ts';

const nonce = (digit: number) => `abcdefgh${digit}x`;
const pollPauseMs = 20;
const longestPolling = 1000;

export function testBatches(under: () => ProviderUnderTest, capabilities: ProviderCapabilities): void {
  const withBatch = (): BatchApi | undefined => under().provider.batch;

  test('a batch from requests to results: every row once, ownership proved, row errors are values', async ({
    skip,
  }) => {
    const api = withBatch() ?? skip();
    const requests: ModelRequest[] = [1, 2, 3, 4].map((n) => chat(capabilities.chatModel, `Item ${n}: \u2028"ü" 😀`));
    if (capabilities.refusedRequest) requests.push(capabilities.refusedRequest);
    const { created, customIds, fileId } = await submit(under().provider, api, nonce(2), requests);
    const listed = await find(api, created.remoteId);
    expect(listed).toMatchObject({ remoteId: created.remoteId });
    expectProof(api, listed, { nonce: nonce(2), fileId, requests: requests.length });
    const ended = await pollToEnd(under(), api, created.remoteId);
    expect(ended).toMatchObject({ phase: 'ended', errors: [] });
    const lines = await collect(api, ended);
    expect(lines.map((line) => line.customId).sort()).toEqual([...customIds].sort());
    for (const line of lines) {
      const refused = capabilities.refusedRequest && line.customId === customIds.at(-1);
      const failure = { type: 'failed', retryable: false, message: expect.stringMatching(/\S/) };
      expect(line.outcome).toMatchObject(refused ? failure : { type: 'succeeded' });
    }
    // A reader that broke off starts again from the beginning.
    expect(await collect(api, ended)).toHaveLength(customIds.length);
  });

  test('a cancelled batch ends, and each of its rows at most once', async ({ skip }) => {
    const api = withBatch() ?? skip();
    const requests = [1, 2, 3].map((n) => chat(capabilities.chatModel, `Row ${n}`));
    const { created, customIds } = await submit(under().provider, api, nonce(3), requests);
    expect(await api.cancel(created.remoteId)).toMatchObject({ remoteId: created.remoteId });
    const ended = await pollToEnd(under(), api, created.remoteId);
    expect(ended.phase).toBe('ended');
    const ids = (await collect(api, ended)).map((line) => line.customId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(customIds).toContain(id);
    // Once more, now that it has ended.
    expect(await api.cancel(created.remoteId)).toMatchObject({ remoteId: created.remoteId, phase: 'ended' });
    if (!api.remove) return;
    await api.remove(created.remoteId);
    await expect(api.get(created.remoteId)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a batch nobody made is not found', async ({ skip }) => {
    const api = withBatch() ?? skip();
    await expect(api.get('batch_nobody_made_this')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('the listing can be left early and read again', async ({ skip }) => {
    const api = withBatch() ?? skip();
    for await (const batch of api.list()) {
      expect(batch.remoteId).not.toBe('');
      break;
    }
    const ids: string[] = [];
    for await (const batch of api.list()) ids.push(batch.remoteId);
    expect(new Set(ids).size).toBe(ids.length);
  });
}

async function submit(provider: Provider, api: BatchApi, nonce: string, requests: readonly ModelRequest[]) {
  const wires = requests.map((request) => provider.toWire(request));
  const endpoint = wires[0]?.endpoint ?? '';
  expect(new Set(wires.map((wire) => wire.endpoint))).toEqual(new Set([endpoint]));
  const rows = wires.map(({ body }, i) => ({ customId: `op-${nonce}-${i + 1}-1`, body }));
  const sizes = rows.map((row) => api.lineBytes(Buffer.byteLength(row.body), row.customId, endpoint));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  async function* readRows() {
    yield* rows;
  }
  const body = { endpoint, bytes, requests: readRows };
  const uploaded = await api.upload?.({ ...body, fileName: `offpeak-${nonce}.jsonl` });
  if (uploaded) expect(uploaded.sha256).toMatch(/^[0-9a-f]{64}$/);
  const created = await api.create({ ...body, nonce, ...(uploaded ? { fileId: uploaded.fileId } : {}) });
  expect(created).toMatchObject({ phase: 'running', remoteId: expect.stringMatching(/\S/) });
  return { created, fileId: uploaded?.fileId, customIds: rows.map((row) => row.customId) };
}

/** What the engine looks for in a listing when the reply to a create was lost. */
function expectProof(
  api: BatchApi,
  listed: RemoteBatch | undefined,
  sent: { nonce: string; fileId: string | undefined; requests: number },
): void {
  if (api.proof === 'carried') {
    const carried = listed?.nonce === sent.nonce || (sent.fileId !== undefined && listed?.inputFileId === sent.fileId);
    expect(carried, 'the nonce or the input file').toBe(true);
  } else {
    // Nothing but size and time leads to it; the custom ids prove it at its end.
    expect(listed?.counts?.total).toBe(sent.requests);
    expect(listed?.createdAt).toEqual(expect.any(Number));
  }
}

async function find(api: BatchApi, remoteId: string): Promise<RemoteBatch | undefined> {
  let found: RemoteBatch | undefined;
  for await (const batch of api.list()) if (batch.remoteId === remoteId) found = batch;
  return found;
}

async function pollToEnd(under: ProviderUnderTest, api: BatchApi, remoteId: string): Promise<RemoteBatch> {
  for (let polls = 0; polls < longestPolling; polls++) {
    const batch = await api.get(remoteId);
    if (batch.phase !== 'running') return batch;
    await under.passTime?.();
    await new Promise((resolve) => setTimeout(resolve, pollPauseMs));
  }
  throw new Error(`batch ${remoteId} did not end`);
}

async function collect(api: BatchApi, batch: RemoteBatch): Promise<ResultLine[]> {
  const lines: ResultLine[] = [];
  for await (const line of api.results(batch)) lines.push(line);
  return lines;
}
