import { createHash } from 'node:crypto';
import { canonicalJson, isDeeperThan } from '../canonical-json.ts';
import { isOffpeakError } from '../errors.ts';
import type { Provider, WireRequest } from '../provider.ts';
import type { ModelRequest } from '../request.ts';
import type { QueuedJob } from '../service-store.ts';
import type { LaneMode } from '../store-rows.ts';
import { toModelRequest } from './job-types.ts';
import { isRecord, type Parsed, refused } from './refusal.ts';
import type { QueueInput } from './service.ts';

export interface Preparation {
  /** Those that are configured, by name. */
  providers: ReadonlyMap<string, Provider>;
  /** By `job_type:provider`. */
  defaultModels: Readonly<Record<string, string>>;
  /** Why nothing may be sent to an address, by the look of it: `checkPublicUrl`. */
  problemWithUrl: (url: string) => string | undefined;
}

const deepest = 64;
/** The server puts its caller before the key. */
const longestKey = 600;
const longestUrl = 2000;

/** What is asked for as a row of the store, or why it can never be sent. Pure. */
export function prepareJob(input: QueueInput, preparation: Preparation): Parsed<QueuedJob> {
  const provider = preparation.providers.get(input.provider);
  if (!provider) return refused('provider', `is not configured here; configured: ${namesOf(preparation)}`);
  const { jobType, data, priority, callbackUrl, idempotencyKey: key } = input;
  if (!Number.isInteger(priority) || priority < 1 || priority > 10) {
    return refused('priority', 'must be a whole number from 1 to 10');
  }
  if (!isRecord(data)) return refused('data', 'must be an object');
  if (isDeeperThan(data, deepest)) return refused('data', `is nested more than ${deepest} levels deep`);
  if (key !== undefined && (key === '' || key.length > longestKey || !key.isWellFormed())) {
    return refused('idempotency_key', `must have 1 to ${longestKey} characters`);
  }
  if (callbackUrl !== undefined) {
    const isTooLong = callbackUrl.length > longestUrl;
    const problem = isTooLong ? `is longer than ${longestUrl} characters` : preparation.problemWithUrl(callbackUrl);
    if (problem !== undefined) return refused('callback_url', problem);
  }
  const { defaultModels } = preparation;
  const request = toModelRequest({ jobType, provider: provider.name, data, defaultModels });
  if ('refusal' in request) return request;
  const wire = toWire(provider, request.value);
  if ('refusal' in wire) return wire;
  const { value } = wire;
  return {
    value: {
      queue: jobType,
      provider: provider.name,
      account: provider.account,
      simulated: provider.simulated,
      model: request.value.model,
      priority,
      request: { lane: laneOf(provider, request.value, value), body: value.body, size: value.size },
      data: JSON.stringify(data),
      ...(callbackUrl === undefined ? {} : { callbackUrl }),
      ...(key === undefined ? {} : { idempotency: { key, hash: hashOf(input) } }),
    },
  };
}

function namesOf({ providers }: Preparation): string {
  return [...providers.keys()].join(', ') || 'none';
}

function toWire(provider: Provider, request: ModelRequest): Parsed<WireRequest> {
  try {
    const wire = provider.toWire(request);
    const most = provider.batch?.limits.maxBytes ?? Number.POSITIVE_INFINITY;
    // A character takes at most three bytes: hardly any body has to be measured.
    if (wire.body.length * 3 > most && Buffer.byteLength(wire.body) > most) {
      return refused('data', `is larger than a whole batch of ${provider.name} may be`);
    }
    return { value: wire };
  } catch (error) {
    // What the provider's API has no words for.
    if (isOffpeakError(error, 'usage')) return refused('data', `cannot be sent: ${error.message}`);
    throw error;
  }
}

/** As for the jobs of any run: by batch where the provider has such a thing for this path. */
function laneOf(provider: Provider, request: ModelRequest, { endpoint, realtimeOnly }: WireRequest) {
  const mode: LaneMode = provider.batch && !realtimeOnly ? 'batch' : 'realtime';
  return { provider: provider.name, account: provider.account, model: request.model, endpoint, mode };
}

/** Of what the caller asked for, not of what we made of it: the defaults may change between two askings. */
function hashOf({ jobType, provider, data, priority, callbackUrl }: QueueInput): string {
  const asked = canonicalJson({ job_type: jobType, provider, data, priority, callback_url: callbackUrl });
  return createHash('sha256').update(asked).digest('hex');
}
