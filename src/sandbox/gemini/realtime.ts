import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FILL_MARKER } from '../answers/fill.ts';
import { type Call, type Route, readJsonBody } from '../call.ts';
import { randomHex } from '../random.ts';
import { bookCall, countedCall } from '../realtime-calls.ts';
import { jsonTextReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';
import { GEMINI } from './batch-details.ts';
import { answerEmbedContent, answerEmbedContents } from './embed-content.ts';
import { refuse } from './errors.ts';
import { answerGenerateContent } from './generate-content.ts';
import { type Answerer, faultError } from './model-answer.ts';
import { isKnownModel, unknownModel } from './models.ts';

const METHODS: readonly (readonly [string, Answerer])[] = [
  ['generateContent', answerGenerateContent],
  ['embedContent', answerEmbedContent],
  ['batchEmbedContents', answerEmbedContents],
];

/** The methods of a model that answer at once (contract section 5.5). */
export function geminiRealtimeRoutes(state: SandboxState): Route[] {
  return METHODS.map(([name, answerer]) => ({
    method: 'POST',
    path: `/v1beta/models/*:${name}`,
    handler: (call) => answerNow(state, call, name, answerer),
  }));
}

async function answerNow(state: SandboxState, call: Call, name: string, answerer: Answerer): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const model = call.names[0] ?? '';
  if (!isKnownModel(model)) return unknownModel(model, name);
  if (state.settings.realtimeDelayMs > 0) await sleep(state.settings.realtimeDelayMs);
  const bodyText = JSON.stringify(body);
  const counted = countedCall(state, GEMINI, bodyText, hash('sha256', bodyText, 'buffer'));
  const fault = counted.action;
  if (fault?.type === 'error') {
    bookCall(state, counted, undefined);
    return refuse(faultError(fault));
  }
  const answer = answerer(body, { model, idSeed: randomHex(16), fault });
  bookCall(state, counted, answer.error === null ? { model, tokens: answer.tokens } : undefined);
  if (answer.error !== null) return refuse(answer.error);
  const filler = fault?.type === 'huge' ? 'x'.repeat(fault.bytes) : '';
  return jsonTextReply(200, answer.json.replace(FILL_MARKER, filler));
}
