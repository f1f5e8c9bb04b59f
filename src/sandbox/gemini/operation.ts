import { readFileSync } from 'node:fs';
import { entryAfter } from '../batches/spool.ts';
import { rowsDoneAt, statusAt, timelineOf } from '../batches/timeline.ts';
import { parseJson } from '../json.ts';
import type { SandboxState } from '../state.ts';
import type { GeminiBatch } from './batch-details.ts';
import { timeText } from './file-object.ts';

const TYPE = 'type.googleapis.com/google.ai.generativelanguage.v1main.';

/** The states of the wire (contract section 3.4); while a batch is being cancelled it still runs. */
const STATES = {
  validating: 'PENDING',
  in_progress: 'RUNNING',
  finalizing: 'RUNNING',
  cancelling: 'RUNNING',
  completed: 'SUCCEEDED',
  failed: 'FAILED',
  expired: 'EXPIRED',
  cancelled: 'CANCELLED',
} as const;

/** google.rpc codes of the words a batch may fail with. */
const RPC_CODES: Record<string, number> = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  server_error: 13,
};

/** The batch as the client sees it, as JSON text: the payload of an inline one is spliced in as it lies on disk. */
export function operationJson(state: SandboxState, record: GeminiBatch, nowMs: number): string {
  const { details, createdMs } = record;
  const status = statusAt(record, nowMs);
  const { startMs, endMs } = timelineOf(record);
  const ended = status === 'completed' || status === 'failed' || status === 'expired' || status === 'cancelled';
  const endedMs = status === 'failed' ? startMs : endMs;
  const embeds = details.method === 'embedContent';
  const typeName = embeds ? 'EmbedContentBatch' : 'GenerateContentBatch';
  const output = status === 'completed' ? outputJson(state, record) : undefined;
  const head = JSON.stringify({
    '@type': TYPE + typeName,
    model: `models/${record.model ?? ''}`,
    ...(details.displayName === null ? {} : { displayName: details.displayName }),
    state: `BATCH_STATE_${STATES[status]}`,
    createTime: timeText(createdMs),
    ...(ended ? { endTime: timeText(endedMs) } : {}),
    updateTime: timeText(ended ? endedMs : Math.min(nowMs, Math.max(createdMs, startMs))),
    ...statsOf(state, record, nowMs),
    ...(details.priority === null ? {} : { priority: details.priority }),
    name: `batches/${record.id}`,
  }).slice(0, -1);
  const metadata = `${head},"inputConfig":${inputJson(state, record)}${output === undefined ? '' : `,"output":{${output}}`}}`;
  const error = ended && status !== 'expired' ? errorOf(record, status) : undefined;
  return (
    `{"name":"batches/${record.id}","metadata":${metadata}` +
    (ended ? ',"done":true' : '') +
    (error === undefined ? '' : `,"error":${JSON.stringify(error)}`) +
    (output === undefined ? '' : `,"response":{"@type":"${TYPE}${typeName}Output",${output}}`) +
    '}'
  );
}

/** How many bytes of payload an operation would carry: once for the requests, twice for the results. */
export function payloadBytes(record: GeminiBatch): number {
  const { inputFileId, inlineResults, inlineBytes } = record.details;
  return inputFileId === null ? inlineBytes + 2 * (inlineResults?.bytes ?? 0) : 0;
}

/** Counts are int64, hence text. */
function statsOf(state: SandboxState, record: GeminiBatch, nowMs: number): Record<string, unknown> {
  if (record.rows === 0 || record.spool === null) return {};
  const done = Math.min(rowsDoneAt(record, nowMs), timelineOf(record).finalRows);
  const totals = record.totals ?? entryAfter(state.blobs, record.spool, done)?.totals;
  const successful = totals?.completed ?? 0;
  const failed = totals?.failed ?? 0;
  return {
    batchStats: {
      requestCount: String(record.rows),
      successfulRequestCount: String(successful),
      failedRequestCount: String(failed),
      pendingRequestCount: String(record.rows - successful - failed),
    },
  };
}

function errorOf(record: GeminiBatch, status: string): { code: number; message: string } | undefined {
  if (status === 'cancelled') return { code: 1, message: 'The operation was cancelled.' };
  const error = record.errors?.[0];
  if (status !== 'failed' || error === undefined) return undefined;
  const code = /^\d+$/.test(error.code) ? Number(error.code) : (RPC_CODES[error.code] ?? 3);
  return { code, message: error.message };
}

function inputJson(state: SandboxState, { details }: GeminiBatch): string {
  if (details.inputFileId !== null) return JSON.stringify({ fileName: `files/${details.inputFileId}` });
  return `{"requests":{"requests":[${linesAsList(state, details.inputBlob, details.inlineBytes)}]}}`;
}

function outputJson(state: SandboxState, { details }: GeminiBatch): string | undefined {
  if (details.responsesFileId !== null) return `"responsesFile":"files/${details.responsesFileId}"`;
  const results = details.inlineResults;
  if (results === null) return undefined;
  return `"inlinedResponses":{"inlinedResponses":[${linesAsList(state, results.blob, results.bytes)}]}`;
}

/** Lines of JSON as the inside of a list. A line spoilt by a fault becomes an empty item: the whole must stay JSON. */
function linesAsList(state: SandboxState, blob: string, bytes: number): string {
  const lines = readFileSync(state.blobs.path(blob)).subarray(0, bytes).toString('utf8').split('\n');
  const whole = lines.filter((line) => line !== '');
  return whole.map((line, i) => (isItem(line, i === whole.length - 1) ? line : '{}')).join(',');
}

function isItem(line: string, isLast: boolean): boolean {
  if (!line.startsWith('{') || !line.endsWith('}')) return false;
  // Only the last line can be a cut one: reading all of them again at every poll would be a waste.
  return !isLast || parseJson(line) !== undefined;
}
