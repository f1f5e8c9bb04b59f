import { batchObject } from '../openai/batch-object.ts';
import type { SandboxState } from '../state.ts';
import type { CompatibleBatch } from './batch-details.ts';
import type { CompatibleBatches } from './servers.ts';

type Json = Record<string, unknown>;

/** The batch in the words of its server. */
export function compatibleBatchObject(
  state: SandboxState,
  record: CompatibleBatch,
  form: CompatibleBatches['form'],
  nowMs = state.clock.now(),
): { id: string } & Json {
  const object = batchObject(state, record, nowMs);
  return { ...forms[form](object, record), id: record.id };
}

const forms: Readonly<Record<CompatibleBatches['form'], (object: Json, record: CompatibleBatch) => Json>> = {
  openai: (object) => object,
  // As older versions of its API write them.
  azure: (object) => ({ ...withIsoTimes(object), status: capitalised(String(object.status)) }),
  together(object) {
    const { metadata: _, ...others } = withIsoTimes(object);
    return { ...others, status: String(object.status).toUpperCase() };
  },
  mistral: mistralJob,
};

const mistralStatuses: Readonly<Record<string, string>> = {
  validating: 'QUEUED',
  in_progress: 'RUNNING',
  finalizing: 'RUNNING',
  completed: 'SUCCESS',
  failed: 'FAILED',
  expired: 'TIMEOUT_EXCEEDED',
  cancelling: 'CANCELLATION_REQUESTED',
  cancelled: 'CANCELLED',
};

function mistralJob(object: Json, record: CompatibleBatch): Json {
  const { total, completed, failed } = object.request_counts as Record<'total' | 'completed' | 'failed', number>;
  return {
    id: record.id,
    object: 'batch',
    input_files: [record.details.inputFileId],
    metadata: record.details.metadata ?? {},
    endpoint: record.details.endpoint,
    model: record.details.jobModel ?? null,
    output_file: object.output_file_id,
    error_file: object.error_file_id,
    errors: (record.errors ?? []).map(({ message }) => ({ message, count: 1 })),
    status: mistralStatuses[String(object.status)],
    created_at: object.created_at,
    started_at: object.in_progress_at,
    completed_at: object.completed_at ?? object.cancelled_at ?? object.expired_at ?? object.failed_at,
    total_requests: total,
    completed_requests: completed + failed,
    succeeded_requests: completed,
    failed_requests: failed,
  };
}

function withIsoTimes(object: Json): Json {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key,
      key.endsWith('_at') && typeof value === 'number' ? new Date(value * 1000).toISOString() : value,
    ]),
  );
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
