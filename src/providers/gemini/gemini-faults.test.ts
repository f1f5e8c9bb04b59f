import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BatchApi, RemoteBatch, ResultLine } from '../../provider.ts';
import { type FaultPlan, type RouteAction, type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { createGeminiProvider } from './gemini-provider.ts';

/** The adapter against the emulator when things go wrong; neither knows the other's code. */
let stateDir: string;
let sandbox: Sandbox;
let api: Required<BatchApi>;
const apiKey = 'gemini-sandbox';
const model = 'gemini-2.5-flash-lite';
const path = `/v1beta/models/${model}:batchGenerateContent`;

async function start(limits: { enqueuedTokens?: number } = {}) {
  stateDir = await mkdtemp(join(tmpdir(), 'offpeak-gemini-'));
  sandbox = await startSandbox({ stateDir, limits, delays: { inProgressMs: 60_000 } });
  const provider = createGeminiProvider({ apiKey, baseUrl: sandbox.url, timeouts: { replyMs: 5000 } });
  api = provider.batch as Required<BatchApi>;
}
async function stop() {
  await sandbox.close();
  await rm(stateDir, { recursive: true, force: true });
}
beforeEach(() => start());
afterEach(stop);

const provider = createGeminiProvider();
const wires = [1, 2, 3, 4, 5].map((n) =>
  provider.toWire({
    type: 'chat',
    model,
    messages: [{ role: 'user', content: [{ type: 'text', text: `Item ${n}` }] }],
  }),
);
const rows = wires.map(({ body }, i) => ({ customId: `op-abcdefghij-${i + 1}-1`, body }));
const endpoint = wires[0]?.endpoint ?? '';

async function submit(nonce = 'abcdefghij'): Promise<RemoteBatch> {
  async function* requests() {
    yield* rows;
  }
  const bytes = rows.reduce((sum, row) => sum + api.lineBytes(row.body.length, row.customId, endpoint), 0);
  const input = { endpoint, requests, bytes };
  const { fileId } = await api.upload({ ...input, fileName: `offpeak-${nonce}.jsonl` });
  return api.create({ ...input, fileId, nonce });
}

async function pollToEnd(remoteId: string): Promise<RemoteBatch> {
  for (;;) {
    sandbox.advance(60_000);
    const batch = await api.get(remoteId);
    if (batch.phase !== 'running') return batch;
    // The emulator's worker runs in real time.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function collect(batch: RemoteBatch): Promise<ResultLine[]> {
  const lines: ResultLine[] = [];
  for await (const line of api.results(batch)) lines.push(line);
  return lines;
}

async function list(): Promise<RemoteBatch[]> {
  const batches: RemoteBatch[] = [];
  for await (const batch of api.list()) batches.push(batch);
  return batches;
}

const onCreate = (fault: RouteAction): FaultPlan => ({ routes: [{ method: 'POST', path, fault }] });

test.each<[string, RouteAction]>([
  ['a lost reply', { type: 'lost-reply' }],
  ['a reply cut short', { type: 'cut-reply', bytes: 30 }],
  ['a reply that ends early and clean', { type: 'cut-reply-clean', bytes: 30 }],
  ['a 503 after the deed', { type: 'status-after', status: 503 }],
])('%s: one batch was made, and its name proves it ours', async (_, fault) => {
  sandbox.setFaults(onCreate(fault));
  await expect(submit()).rejects.toMatchObject({ code: 'outcome_unknown' });
  const [found, ...others] = await list();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ nonce: 'abcdefghij', inputFileId: expect.stringMatching(/^files\//), model });
  expect(sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 1 });
  expect(await collect(await pollToEnd(found?.remoteId ?? ''))).toHaveLength(rows.length);
});

test.each<[RouteAction, string]>([
  [{ type: 'token-limit' }, 'no_room'],
  [{ type: 'file-not-found' }, 'not_ready'],
  [{ type: 'status', status: 429 }, 'no_room'],
  [{ type: 'status', status: 403 }, 'auth'],
  [{ type: 'status', status: 400 }, 'rejected'],
])('%j: nothing was made, and the error says %s', async (fault, code) => {
  sandbox.setFaults(onCreate(fault));
  await expect(submit()).rejects.toMatchObject({ code });
  expect(await list()).toEqual([]);
  expect(sandbox.ledger()).toMatchObject({ createCalls: 1, creates: 0 });
});

test('a full queue has room again when a batch has ended', async () => {
  await stop();
  await start({ enqueuedTokens: 200 });
  const first = await submit('aaaaaaaaaa');
  await expect(submit('bbbbbbbbbb')).rejects.toMatchObject({ code: 'no_room', retryable: true });
  await pollToEnd(first.remoteId);
  expect(await submit('bbbbbbbbbb')).toMatchObject({ nonce: 'bbbbbbbbbb' });
});

test.each([
  ['INVALID_ARGUMENT', { phase: 'refused', refusal: 'batch' }],
  ['RESOURCE_EXHAUSTED', { phase: 'refused', refusal: 'no_room' }],
  ['INTERNAL', { phase: 'refused', refusal: 'provider' }],
])('a batch that fails with %s', async (code, expected) => {
  sandbox.setFaults(onCreate({ type: 'fail-batch', code, message: 'no such luck' }));
  const batch = await pollToEnd((await submit()).remoteId);
  expect(batch).toMatchObject({ rawStatus: 'failed', ...expected });
  expect(batch.errors[0]?.message).toContain('no such luck');
  expect(batch.errors[0]?.message).toContain(code);
});

test('an expired batch delivers nothing', async () => {
  sandbox.setFaults(onCreate({ type: 'expire-at', fraction: 0.5 }));
  const batch = await pollToEnd((await submit()).remoteId);
  expect(batch).toMatchObject({ phase: 'ended', rawStatus: 'expired' });
  expect(await collect(batch)).toEqual([]);
});

test('rows that fail in every way are values', async () => {
  sandbox.setFaults({
    rows: [
      { match: { contains: 'Item 1' }, fault: { type: 'error', status: 503, message: 'busy' } },
      { match: { contains: 'Item 2' }, fault: { type: 'refusal', stage: 'prompt' } },
      { match: { contains: 'Item 3' }, fault: { type: 'refusal', stage: 'answer' } },
      { match: { contains: 'Item 4' }, fault: { type: 'empty-content' } },
      { match: { contains: 'Item 5' }, fault: { type: 'not-json' } },
    ],
  });
  const lines = await collect(await pollToEnd((await submit()).remoteId));
  expect(lines.map(({ customId, outcome }) => [customId?.at(-3), outcome])).toEqual([
    ['1', expect.objectContaining({ code: 'overloaded', retryable: true })],
    ['2', expect.objectContaining({ code: 'blocked', retryable: false, usage: expect.anything() })],
    ['3', expect.objectContaining({ code: 'blocked', retryable: false })],
    ['4', expect.objectContaining({ code: 'empty_answer', retryable: true })],
    [undefined, expect.objectContaining({ code: 'malformed' })],
  ]);
});

test('a download that ends early and clean is not taken for the whole', async () => {
  const batch = await pollToEnd((await submit()).remoteId);
  const download = '/download/v1beta/files/*:download';
  sandbox.setFaults({ routes: [{ method: 'GET', path: download, fault: { type: 'cut-reply-clean', bytes: 200 } }] });
  await expect(collect(batch)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  expect(await collect(batch)).toHaveLength(rows.length);
});

test('a batch that somebody submitted inline is read all the same', async () => {
  const requests = rows.map(({ customId, body }) => ({ request: JSON.parse(body), metadata: { key: customId } }));
  const body = { batch: { displayName: 'nightly-42', inputConfig: { requests: { requests } } } };
  const headers = { 'x-goog-api-key': apiKey, 'content-type': 'application/json' };
  await fetch(sandbox.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const [listed] = await list();
  expect(listed).not.toHaveProperty('nonce');
  const batch = await pollToEnd(listed?.remoteId ?? '');
  expect(batch).toMatchObject({ phase: 'ended', resultFileIds: [], counts: { total: 5, succeeded: 5 } });
  const lines = await collect(batch);
  expect(lines.map((line) => line.customId)).toEqual(rows.map((row) => row.customId));
  for (const line of lines) expect(line).toMatchObject({ model, outcome: { type: 'succeeded' } });
});

test('a listing of more than a page is read to its end', async () => {
  const made = new Set<string>();
  for (let i = 0; i < 103; i++) made.add((await submit(`aaaaaaa${String(i).padStart(3, 'b')}`)).remoteId);
  const listed = (await list()).map((batch) => batch.remoteId);
  expect(listed).toHaveLength(103);
  expect(new Set(listed)).toEqual(made);
});
