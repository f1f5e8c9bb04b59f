import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FILL_MARKER } from '../answers/fill.ts';
import { type Call, type Route, readJsonBody } from '../call.ts';
import { asString, type JsonObject } from '../json.ts';
import { randomHex } from '../random.ts';
import { bookCall, countedCall } from '../realtime-calls.ts';
import { jsonReply, jsonTextReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { OPENAI } from './batch-details.ts';
import { realtimeProblem } from './body-checks.ts';
import { ENDPOINT_PATHS, endpointAt } from './endpoints.ts';
import { errorReply } from './errors.ts';
import { errorOf } from './row.ts';

const MODELS = [
  'gpt-5.4',
  'gpt-5.4-mini',
  'gpt-5.4-nano',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5-nano',
  'gpt-4.1',
  'gpt-4o-mini',
  'text-embedding-3-small',
  'text-embedding-3-large',
];

/** Go durations, as the real service writes them. */
const RATE_LIMIT_HEADERS = {
  'x-ratelimit-limit-requests': '10000',
  'x-ratelimit-remaining-requests': '9999',
  'x-ratelimit-reset-requests': '6ms',
  'x-ratelimit-limit-tokens': '30000000',
  'x-ratelimit-remaining-tokens': '29999000',
  'x-ratelimit-reset-tokens': '2ms',
};

/** The endpoints that answer at once (contract section 5). */
export function realtimeRoutes(state: SandboxState, provider = OPENAI): Route[] {
  return [
    ...ENDPOINT_PATHS.map(
      (path): Route => ({ method: 'POST', path, handler: (call) => answerNow(state, call, provider) }),
    ),
    {
      method: 'GET',
      path: '/v1/models',
      handler: () => jsonReply(200, { object: 'list', data: MODELS.map(modelObject) }),
    },
    { method: 'GET', path: '/v1/models/*', handler: (call) => jsonReply(200, modelObject(call.names[0] ?? '')) },
  ];
}

function modelObject(id: string): Record<string, unknown> {
  return { id, object: 'model', created: 1_700_000_000, owned_by: 'sandbox' };
}

async function answerNow(state: SandboxState, call: Call, provider: string): Promise<Reply> {
  const startedAt = performance.now();
  const body = await readJsonBody(call.request);
  const problem = realtimeProblem(body);
  if (problem !== undefined) return errorReply(problem.status, problem.error);
  if (state.settings.realtimeDelayMs > 0) await sleep(state.settings.realtimeDelayMs);
  const reply = execute(state, { provider, path: call.path }, body);
  const tookMs = Math.round(performance.now() - startedAt);
  return { ...reply, headers: { ...reply.headers, ...RATE_LIMIT_HEADERS, 'openai-processing-ms': String(tookMs) } };
}

function execute(state: SandboxState, { provider, path }: { provider: string; path: string }, body: JsonObject): Reply {
  const bodyText = JSON.stringify(body);
  const bodyHash = hash('sha256', bodyText, 'buffer');
  const fault = countedCall(state, provider, bodyText, bodyHash);
  if (fault.action?.type === 'error') {
    bookCall(state, fault, undefined);
    return jsonReply(fault.action.status, { error: errorOf(fault.action) });
  }
  const createdSeconds = Math.floor(state.clock.now() / 1000);
  const answer = endpointAt(path)?.(body, { idSeed: randomHex(16), createdSeconds, fault: fault.action });
  if (answer === undefined) throw new Error(`No endpoint at ${path}.`);
  const tokens = { input: answer.inputTokens, output: answer.outputTokens };
  bookCall(state, fault, answer.status === 200 ? { model: asString(body.model) ?? '', tokens } : undefined);
  const filler = fault.action?.type === 'huge' ? 'x'.repeat(fault.action.bytes) : '';
  return jsonTextReply(answer.status, answer.json.replace(FILL_MARKER, filler));
}
