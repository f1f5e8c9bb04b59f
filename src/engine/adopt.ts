import { OffpeakError } from '../errors.ts';
import { newRunId, parseCustomId } from '../ids.ts';
import type { BatchApi, Provider, RemoteBatch, ResultLine } from '../provider.ts';
import type { Recipe } from '../recipe.ts';
import type { Run } from '../run.ts';
import type { ImportedRow } from '../store-rows.ts';
import { chunkRows } from '../store-rows.ts';
import { type Engine, nextTurn } from './engine.ts';
import { pollIntervalMs } from './poll.ts';
import { judge } from './retry.ts';

/**
 * Brings in a batch that somebody else submitted: its results become a run, under the keys it was submitted with. May
 * stop anywhere and be done again: a key that is there already is left alone. What its rows asked is not known here, so
 * nothing of it is ever sent again.
 */
export async function adopt(
  engine: Engine,
  provider: Provider,
  remoteId: string,
  signal: AbortSignal,
): Promise<{ run: Run; unreadable: number }> {
  const { store, clock } = engine;
  const api = provider.batch;
  if (!api) {
    throw new OffpeakError(`${provider.name} has no batch API that Offpeak speaks.`, { code: 'usage' });
  }
  const fingerprint = `adopted ${provider.account} ${remoteId}`;
  await refuseOurs(engine, provider, remoteId, fingerprint);
  const remote = await waitForEnd(engine, api, provider, remoteId, signal);
  const pending = await pendingNonces(engine, provider);
  if (remote.nonce !== undefined && pending.has(remote.nonce)) throw beingLookedFor(provider, remoteId);
  const { run } = await store.createRun(
    {
      id: newRunId(clock.now(), engine.random),
      fingerprint,
      name: `adopted ${remoteId}`,
      mode: 'batch',
      provider: provider.name,
      model: remote.model ?? 'unknown',
      priority: 5,
      maxAttempts: 1,
      concurrency: 1,
      timeoutMs: 30_000,
      simulated: provider.simulated,
      fresh: false,
      primeCache: false,
      recipe: { type: 'requests', version: 1 },
      source: { type: 'adopted', provider: provider.name, remoteId },
    },
    clock.now(),
  );
  const unreadable = await readInto(engine, provider, api, run, remote, pending, signal);
  await store.updateRun(run.id, { state: 'running' }, clock.now());
  return { run: await store.updateRun(run.id, { state: 'ended' }, clock.now()), unreadable };
}

/** One that this store made, or has adopted whole, is followed already. */
async function refuseOurs(engine: Engine, provider: Provider, remoteId: string, fingerprint: string): Promise<void> {
  const known = await engine.store.findRemotes(provider.account, [remoteId]);
  if (!known.has(remoteId)) return;
  const begun = await engine.store.listRuns({ unfinished: true });
  if (begun.some((run) => run.fingerprint === fingerprint)) return;
  throw new OffpeakError(`${provider.name}:${remoteId} belongs to a run already; \`offpeak batches\` shows which.`, {
    code: 'conflict',
  });
}

/** Submissions of ours that the account may hold without our knowing their id: the lost replies. */
async function pendingNonces(engine: Engine, provider: Provider): Promise<ReadonlySet<string>> {
  const open = await engine.store.listBatches({ openOnly: true });
  return new Set(open.filter(({ account }) => account === provider.account).map(({ nonce }) => nonce));
}

function beingLookedFor(provider: Provider, remoteId: string): OffpeakError {
  return new OffpeakError(
    `${provider.name}:${remoteId} was sent by a run of this store, which is looking for it: go on with that run.`,
    { code: 'conflict' },
  );
}

async function waitForEnd(
  engine: Engine,
  api: BatchApi,
  provider: Provider,
  remoteId: string,
  signal: AbortSignal,
): Promise<RemoteBatch> {
  for (let tries = 0; ; tries++) {
    const remote = await api.get(remoteId, signal);
    if (remote.phase === 'ended') return remote;
    if (remote.phase === 'refused') {
      const words = remote.errors[0]?.message ?? remote.rawStatus;
      throw new OffpeakError(`${provider.name}:${remoteId} was refused by the provider and ran nothing: ${words}`, {
        code: 'rejected',
      });
    }
    if (tries === 0) engine.emit({ type: 'note', message: `${remoteId} is ${remote.rawStatus}; waiting for its end` });
    await engine.clock.sleep(pollIntervalMs(api.limits, tries), signal);
    if (signal.aborted) throw new OffpeakError('The adoption was interrupted.', { code: 'aborted', retryable: true });
  }
}

/** Answers may be megabytes each. */
const chunkBytes = 4 * 1024 * 1024;

async function readInto(
  engine: Engine,
  provider: Provider,
  api: BatchApi,
  run: Run,
  remote: RemoteBatch,
  pending: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<number> {
  let position = 0;
  let unreadable = 0;
  let chunk: ImportedRow[] = [];
  let bytes = 0;
  const origin = {
    provider: provider.name,
    account: provider.account,
    model: run.model,
    remoteId: remote.remoteId,
    endpoint: 'adopted',
    ...(remote.endedAt === undefined ? {} : { endedAt: remote.endedAt }),
  };
  const flush = async () => {
    if (chunk.length === 0) return;
    await engine.store.importResults(run.id, { ...origin, now: engine.clock.now() }, chunk);
    engine.crashpoint('C16');
    chunk = [];
    bytes = 0;
    await nextTurn();
  };
  for await (const line of api.results(remote, signal)) {
    position += 1;
    const nonce = line.customId === undefined ? undefined : parseCustomId(line.customId)?.nonce;
    if (nonce !== undefined && pending.has(nonce)) throw beingLookedFor(provider, remote.remoteId);
    const row = toImported(engine, provider.name, remote, line, position);
    if (!row) {
      unreadable += 1;
      continue;
    }
    chunk.push(row);
    bytes += (row.row.output?.length ?? 0) + (row.row.response?.length ?? 0);
    if (chunk.length === chunkRows || bytes >= chunkBytes) await flush();
  }
  if (signal.aborted) throw new OffpeakError('The adoption was interrupted.', { code: 'aborted', retryable: true });
  await flush();
  return unreadable;
}

/** Whatever was answered is taken as it is: what it was to look like is not known here. */
const anyAnswer: Recipe = {
  description: { type: 'requests' },
  toRequest: () => {
    throw new OffpeakError('An adopted batch has no requests.', { code: 'internal' });
  },
};

function toImported(
  engine: Engine,
  provider: string,
  remote: RemoteBatch,
  line: ResultLine,
  position: number,
): ImportedRow | undefined {
  if (line.customId === undefined) return undefined;
  const model = line.model ?? remote.model;
  const price = model === undefined ? undefined : engine.priceOf(provider, model);
  const judging = { recipe: anyAnswer, price, inBatch: true, cancelling: true };
  return {
    key: line.customId.toWellFormed(),
    position,
    row: judge(engine, { job: 0, attempt: 1 }, line.outcome, judging),
  };
}

/** Batches of the account that this store knows nothing of, newest first. */
export async function* listOrphans(
  engine: Engine,
  provider: Provider,
  signal?: AbortSignal,
): AsyncGenerator<RemoteBatch> {
  if (!provider.batch) return;
  const pending = await pendingNonces(engine, provider);
  let page: RemoteBatch[] = [];
  const unknown = async () => {
    const ids = page.map(({ remoteId }) => remoteId);
    const ours = await engine.store.findRemotes(provider.account, ids);
    const orphans = page.filter(({ remoteId, nonce }) => !ours.has(remoteId) && !pending.has(nonce ?? ''));
    page = [];
    return orphans;
  };
  for await (const remote of provider.batch.list(signal)) {
    if (page.push(remote) === chunkRows) yield* await unknown();
  }
  yield* await unknown();
}
