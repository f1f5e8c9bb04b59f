import { isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import type { CreateInput, RemoteBatch } from '../../provider.ts';
import { aborted, outcomeUnknown, unavailable } from '../exchange-error.ts';
import { parseRecord, textOf } from '../json-values.ts';
import type { BatchProfile, WindowProfile } from '../server-profile.ts';
import { carriedName } from './counted-batch.ts';
import type { OpenAIConnection } from './openai-client.ts';
import {
  errorOfFault,
  faultOfSdkError,
  httpFailureOf,
  isNotBatched,
  kindOfFault,
  type OpenAIFault,
} from './openai-error.ts';
import type { ReadBatch } from './read-batch.ts';

/** Exactly one POST. Whatever does not prove that nothing was created is `outcome_unknown`. */
export async function createBatch(
  connection: OpenAIConnection,
  { profile, window, read }: { profile: BatchProfile; window: string | undefined; read: ReadBatch },
  input: CreateInput,
): Promise<RemoteBatch> {
  const action = `${connection.name}: create a batch from ${input.fileId ?? 'no file'}`;
  const client = await connection.client();
  const body = await createBody(action, profile, window, input);
  // Before the request there is nothing to be unsure about.
  if (input.signal?.aborted) throw aborted(action);
  let answer: unknown;
  try {
    answer = await client.post(profile.batchesPath, { body, ...(input.signal ? { signal: input.signal } : {}) });
  } catch (error) {
    throw createError(action, error, connection);
  }
  const batch = read(answer);
  if (!batch) throw outcomeUnknown(action, 'the answer names no batch');
  return batch;
}

async function createBody(
  action: string,
  { create }: BatchProfile,
  window: string | undefined,
  input: CreateInput,
): Promise<Record<string, unknown>> {
  const { fileId } = input;
  if (fileId === undefined) throw new OffpeakError(`${action}: nothing was uploaded`, { code: 'internal' });
  const { inputFile } = create;
  return {
    [inputFile.field]: inputFile.isList ? [fileId] : fileId,
    ...(create.namesEndpoint ? { endpoint: input.endpoint } : {}),
    ...(create.namesModel ? { model: await firstModel(action, input) } : {}),
    ...(create.window ? windowField(create.window, window ?? create.window.standard) : {}),
    ...(create.carriedBy === 'metadata' ? { metadata: { offpeak_submit: input.nonce } } : {}),
    ...(create.carriedBy === 'name' ? { name: carriedName(input.nonce) } : {}),
  };
}

function windowField({ field, as }: WindowProfile, window: string): Record<string, unknown> {
  return { [field]: as === 'hours' ? hoursOf(window) : window };
}

/** All requests of a batch have one model, which each of them names. */
async function firstModel(action: string, input: CreateInput): Promise<string> {
  for await (const { body } of input.requests()) {
    const model = textOf(parseRecord(body)?.model);
    if (model) return model;
    break;
  }
  throw new OffpeakError(`${action}: the first request names no model`, { code: 'rejected' });
}

/** @throws OffpeakError `config` for a window that the server does not offer */
export function checkedWindow(
  name: string,
  profile: WindowProfile | undefined,
  window: string | undefined,
): string | undefined {
  if (!profile) {
    if (window === undefined) return undefined;
    throw new OffpeakError(`${name}: there is no completion window to choose`, { code: 'config' });
  }
  const chosen = window ?? profile.standard;
  const hours = hoursOf(chosen);
  if (hours >= profile.leastHours && hours <= profile.mostHours) return chosen;
  const { leastHours, mostHours } = profile;
  const range = leastHours === mostHours ? `${leastHours}h` : `from ${leastHours}h to ${mostHours}h`;
  throw new OffpeakError(`${name}: the completion window must be ${range}, not ${chosen.slice(0, 20)}`, {
    code: 'config',
  });
}

/** `24h`, `7d`. */
function hoursOf(window: string): number {
  const match = /^(\d{1,4})([hd])$/.exec(window);
  return match ? Number(match[1]) * (match[2] === 'd' ? 24 : 1) : Number.NaN;
}

function createError(action: string, error: unknown, connection: OpenAIConnection): OffpeakError {
  if (isOffpeakError(error)) return error;
  const fault = faultOfSdkError(error, connection.redact);
  if (fault) return createFaultError(action, fault);
  const failure = httpFailureOf(error);
  const words = connection.redact(messageOf(failure ?? error));
  return failure?.sent === false ? unavailable(action, `${words}; nothing was sent`) : outcomeUnknown(action, words);
}

function createFaultError(action: string, fault: OpenAIFault): OffpeakError {
  const kind = kindOfFault(fault);
  // A redirect may be the answer to a POST that was carried out, so it proves nothing either.
  const provesNothing = fault.status < 400 || fault.status >= 500 || kind === 'unavailable';
  if (provesNothing) return outcomeUnknown(action, `HTTP ${fault.status}: ${fault.message}`);
  const fileUnseen = /cannot find file|no such file/i.test(fault.message);
  if ((fault.status === 400 || fault.status === 404) && fileUnseen) return errorOfFault(action, fault, 'not_ready');
  const noBatches = fault.status === 404 || fault.status === 405 || isNotBatched(fault.message);
  if (noBatches) return errorOfFault(action, fault, 'batch_unavailable');
  return errorOfFault(action, fault, kind);
}
