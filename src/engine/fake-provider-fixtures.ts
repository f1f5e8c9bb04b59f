import { OffpeakError } from '../errors.ts';
import type { Outcome } from '../outcome.ts';
import type { BatchLimits, Provider, RemoteBatch, ResultLine } from '../provider.ts';

/** A provider that answers as the test says. */

export const limits: BatchLimits = {
  maxRequests: 100,
  maxBytes: 1_000_000,
  pollMinMs: 2_000,
  pollMaxMs: 60_000,
  absentListings: 3,
  absentGraceMs: 120_000,
};

/** What a remote batch is, beyond what is listed: its requests. */
export interface FakeRemote extends RemoteBatch {
  requests: { customId: string; body: string }[];
}

export interface FakeProvider {
  provider: Provider;
  limits: BatchLimits;
  /** Every call of the batch API, by name. */
  calls: string[];
  /** What stands at the provider. */
  remotes: FakeRemote[];
  /** Uploaded files by id. */
  files: Map<string, { customId: string; body: string }[]>;
  on: {
    upload?: () => Promise<void> | void;
    /** `make` creates the batch; throw before or after it. */
    create?: (make: () => RemoteBatch) => RemoteBatch | Promise<RemoteBatch>;
    get?: (remote: FakeRemote | undefined) => RemoteBatch;
    /** The listing; may throw in the middle. */
    list?: () => Iterable<RemoteBatch>;
    results?: (remote: FakeRemote) => Iterable<ResultLine>;
    cancel?: (remote: FakeRemote | undefined) => RemoteBatch;
    call?: (body: string, signal: AbortSignal) => Promise<Outcome>;
  };
}

export const account = 'fake:account-1';
export const usage = { inputTokens: 1_000, outputTokens: 100 };

export const good = (output: string): Outcome => ({ type: 'succeeded', output, finishReason: 'stop', usage });

export function lineOf(
  request: { customId: string },
  outcome: Outcome = good(`answer ${request.customId}`),
): ResultLine {
  return { customId: request.customId, outcome, raw: JSON.stringify({ id: request.customId }) };
}

export interface FakeOptions {
  batch?: boolean;
  limits?: Partial<BatchLimits>;
  /** A provider without files and without any place for our nonce: the create carries the requests. */
  proof?: 'carried' | 'results';
}

export function createFakeProvider(options: FakeOptions = {}): FakeProvider {
  const fake: FakeProvider = {
    provider: undefined as unknown as Provider,
    limits: { ...limits, ...options.limits },
    calls: [],
    remotes: [],
    files: new Map(),
    on: {},
  };
  const find = (id: string) => fake.remotes.find((remote) => remote.remoteId === id);
  const known = (remote: FakeRemote | undefined): FakeRemote => {
    if (!remote) throw new OffpeakError('no such batch', { code: 'not_found' });
    return remote;
  };
  const carries = options.proof !== 'results';
  const batch: NonNullable<Provider['batch']> = {
    limits: fake.limits,
    proof: options.proof ?? 'carried',
    lineBytes: (bodyBytes, customId) => bodyBytes + customId.length + 80,
    async upload(input) {
      fake.calls.push('upload');
      const requests = [];
      for await (const request of input.requests()) requests.push(request);
      await fake.on.upload?.();
      const fileId = `file-${fake.files.size + 1}`;
      fake.files.set(fileId, requests);
      return { fileId, sha256: 'f'.repeat(64) };
    },
    async create({ fileId, nonce, requests }) {
      fake.calls.push('create');
      const rows: FakeRemote['requests'] = carries ? (fake.files.get(fileId ?? '') ?? []) : [];
      if (!carries) for await (const request of requests()) rows.push(request);
      const make = () => {
        const remote: FakeRemote = {
          remoteId: `batch_${fake.remotes.length + 1}`,
          phase: 'running',
          rawStatus: 'in_progress',
          ...(carries ? { nonce } : { counts: { total: rows.length, succeeded: 0, failed: 0 } }),
          ...(fileId === undefined ? {} : { inputFileId: fileId }),
          resultFileIds: [],
          errors: [],
          requests: rows,
        };
        fake.remotes.unshift(remote);
        return { ...remote };
      };
      return fake.on.create ? fake.on.create(make) : make();
    },
    async get(id) {
      fake.calls.push('get');
      return fake.on.get ? fake.on.get(find(id)) : { ...known(find(id)) };
    },
    async *list() {
      fake.calls.push('list');
      yield* fake.on.list ? fake.on.list() : fake.remotes;
    },
    async *results(remote) {
      fake.calls.push('results');
      const stored = known(find(remote.remoteId));
      yield* fake.on.results ? fake.on.results(stored) : stored.requests.map((request) => lineOf(request));
    },
    async cancel(id) {
      fake.calls.push('cancel');
      if (fake.on.cancel) return fake.on.cancel(find(id));
      const remote = known(find(id));
      if (remote.phase === 'running') Object.assign(remote, { phase: 'ended', rawStatus: 'cancelled' });
      return { ...remote };
    },
  };
  if (!carries) delete batch.upload;
  fake.provider = {
    name: 'openai',
    account,
    simulated: false,
    toWire: (request) => ({
      endpoint: '/v1/chat/completions',
      body: JSON.stringify(request),
      size: { inputTokens: 10, maxInputTokens: 40, maxOutputTokens: 100 },
    }),
    askAgain: ({ body }, answer, problem) => JSON.stringify({ ...JSON.parse(body), answer, problem }),
    call: async (wire, { signal }) => {
      fake.calls.push('call');
      return fake.on.call ? fake.on.call(wire.body, signal) : good(`answer to ${wire.body}`);
    },
    check: async () => ({ address: 'http://fake', detail: 'fake' }),
    ...(options.batch === false ? {} : { batch }),
  };
  return fake;
}

export function endRemote(fake: FakeProvider, change: Partial<RemoteBatch> = {}): void {
  for (const remote of fake.remotes) {
    if (remote.phase === 'running') Object.assign(remote, { phase: 'ended', rawStatus: 'completed', ...change });
  }
}
