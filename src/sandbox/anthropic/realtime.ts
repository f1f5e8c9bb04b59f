import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FILL_MARKER } from '../answers/fill.ts';
import { type Call, type Route, readJsonBody } from '../call.ts';
import { randomBase62 } from '../random.ts';
import { bookCall, countedCall } from '../realtime-calls.ts';
import { jsonReply, jsonTextReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { versionOf } from './api-version.ts';
import { ANTHROPIC } from './batch-details.ts';
import { errorReply, statusOf } from './errors.ts';
import { answerMessage } from './message-answer.ts';
import { realtimeCache } from './prompt-cache.ts';

const MODELS: Record<string, string> = {
  'claude-fable-5-1': 'Claude Fable 5.1',
  'claude-opus-5-5': 'Claude Opus 5.5',
  'claude-sonnet-5-5': 'Claude Sonnet 5.5',
  'claude-opus-5': 'Claude Opus 5',
  'claude-sonnet-4-6': 'Claude Sonnet 4.6',
  'claude-haiku-4-5': 'Claude Haiku 4.5',
};
const MAX_BODY_BYTES = 32_000_000;
const REQUESTS_LIMIT = 4000;
const TOKENS_LIMIT = 4_000_000;

/** The endpoints that answer at once (contract section 5.4). */
export function realtimeRoutes(state: SandboxState): Route[] {
  return [
    { method: 'POST', path: '/v1/messages', handler: (call) => answerNow(state, call) },
    { method: 'GET', path: '/v1/models', handler: listModels },
    { method: 'GET', path: '/v1/models/*', handler: (call) => showModel(call.names[0] ?? '') },
  ];
}

async function answerNow(state: SandboxState, call: Call): Promise<Reply> {
  if (Number(call.request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
    return errorReply(413, 'Request exceeds the maximum allowed number of bytes.');
  }
  const params = await readJsonBody(call.request);
  if (params.stream === true) return errorReply(400, 'stream: The sandbox does not stream, leave it out');
  if (state.settings.realtimeDelayMs > 0) await sleep(state.settings.realtimeDelayMs);
  const bodyText = JSON.stringify(params);
  const counted = countedCall(state, ANTHROPIC, bodyText, hash('sha256', bodyText, 'buffer'));
  const fault = counted.action;
  const answer = answerMessage(params, bodyText, {
    version: versionOf(call.request),
    idSeed: `01${randomBase62(22)}`,
    tier: 'standard',
    cache: realtimeCache(state, call.account),
    fault,
  });
  if ('problem' in answer) {
    bookCall(state, counted, undefined);
    const { problem } = answer;
    return errorReply(fault?.type === 'error' ? fault.status : statusOf(problem), problem.message, {
      type: problem.type,
    });
  }
  bookCall(state, counted, { model: answer.model, tokens: answer.tokens });
  const filler = fault?.type === 'huge' ? 'x'.repeat(fault.bytes) : '';
  return jsonTextReply(
    200,
    answer.json.replace(FILL_MARKER, () => filler),
    rateLimits(state),
  );
}

function rateLimits(state: SandboxState): Record<string, string> {
  const reset = new Date(state.clock.now() + 60_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const headers: Record<string, string> = {};
  for (const kind of ['requests', 'tokens', 'input-tokens', 'output-tokens']) {
    const limit = kind === 'requests' ? REQUESTS_LIMIT : TOKENS_LIMIT;
    headers[`anthropic-ratelimit-${kind}-limit`] = String(limit);
    headers[`anthropic-ratelimit-${kind}-remaining`] = String(limit - 1);
    headers[`anthropic-ratelimit-${kind}-reset`] = reset;
  }
  return headers;
}

function listModels(): Reply {
  const data = Object.keys(MODELS).map(modelObject);
  return jsonReply(200, { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null });
}

function showModel(id: string): Reply {
  return id.startsWith('no-such-model') ? errorReply(404, `model: ${id}`) : jsonReply(200, modelObject(id));
}

function modelObject(id: string): { id: string } & Record<string, unknown> {
  return { type: 'model', id, display_name: MODELS[id] ?? id, created_at: '2026-01-01T00:00:00Z' };
}
