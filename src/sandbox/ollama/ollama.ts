import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { composeAnswer } from '../answers/compose.ts';
import { embed, vectorJson } from '../answers/embedding.ts';
import { FILL_MARKER } from '../answers/fill.ts';
import { buildPrompt, estimateTokens, type PromptImage, type PromptMessage } from '../answers/prompt.ts';
import { type Call, type Route, readJsonBody } from '../call.ts';
import type { RowAction } from '../fault-plan.ts';
import type { Front } from '../front.ts';
import { asArray, asNumber, asString, isObject, type JsonObject } from '../json.ts';
import { bookCall, countedCall } from '../realtime-calls.ts';
import { jsonReply, jsonTextReply, type Reply } from '../reply.ts';
import type { SandboxState } from '../state.ts';

const OLLAMA = 'ollama';
const DIMENSIONS = 768;
const MODELS = ['llama3.2:latest', 'llama3.2-vision:latest', 'nomic-embed-text:latest'];
const STREAM_PIECES = 5;
const MODIFIED_AT = '2026-01-01T00:00:00Z';

/** Ollama's own API (contract section 5.6). It has no keys, no files and no batches. */
export function ollamaFront(state: SandboxState): Front {
  return {
    provider: OLLAMA,
    owns: ({ path }) => path.startsWith('/api/'),
    authenticate: () => ({ account: '' }),
    errorReply: (status, message) => jsonReply(status, { error: message }),
    headers: () => ({}),
    isCreate: () => false,
    routes: ollamaRoutes(state),
  };
}

function ollamaRoutes(state: SandboxState): Route[] {
  const post = (path: string, answer: Answerer): Route => ({
    method: 'POST',
    path,
    handler: (call) => answerCall(state, call, answer),
  });
  return [
    post('/api/chat', answerChat),
    post('/api/generate', answerGenerate),
    post('/api/embed', answerEmbed),
    { method: 'POST', path: '/api/show', handler: showModel },
    { method: 'GET', path: '/api/tags', handler: () => jsonReply(200, { models: MODELS.map(modelObject) }) },
    { method: 'GET', path: '/api/version', handler: () => jsonReply(200, { version: '0.0.0-sandbox' }) },
  ];
}

interface Result {
  reply: Reply;
  inputTokens: number;
  outputTokens: number;
}

type Answerer = (body: JsonObject, fault: RowAction | undefined, createdAt: string) => Result;

async function answerCall(state: SandboxState, call: Call, answer: Answerer): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const refusal = modelProblem(body);
  if (refusal !== undefined) return refusal;
  if (state.settings.realtimeDelayMs > 0) await sleep(state.settings.realtimeDelayMs);
  const bodyText = JSON.stringify(body);
  const bodyHash = hash('sha256', bodyText, 'buffer');
  const fault = countedCall(state, OLLAMA, bodyText, bodyHash);
  if (fault.action?.type === 'error') {
    bookCall(state, fault, undefined);
    return jsonReply(fault.action.status, {
      error: fault.action.message ?? 'the sandbox was told to fail this request',
    });
  }
  const result = answer(body, fault.action, new Date(state.clock.now()).toISOString());
  const tokens = { input: result.inputTokens, output: result.outputTokens };
  bookCall(state, fault, result.reply.status === 200 ? { model: asString(body.model) ?? '', tokens } : undefined);
  return result.reply;
}

function modelProblem(body: JsonObject): Reply | undefined {
  const model = body.model;
  if (typeof model !== 'string' || model === '') return jsonReply(400, { error: 'model is required' });
  return model.startsWith('no-such-model') ? jsonReply(404, { error: `model '${model}' not found` }) : undefined;
}

function answerChat(body: JsonObject, fault: RowAction | undefined, createdAt: string): Result {
  const messages = asArray(body.messages).filter(isObject).map(readMessage);
  return generate(body, messages, fault, createdAt, (text) => ({ message: { role: 'assistant', content: text } }));
}

function answerGenerate(body: JsonObject, fault: RowAction | undefined, createdAt: string): Result {
  const system = asString(body.system);
  const messages: PromptMessage[] = [
    ...(system === undefined ? [] : [{ role: 'system', text: system, images: [] }]),
    { role: 'user', text: asString(body.prompt) ?? '', images: imagesOf(body) },
  ];
  return generate(body, messages, fault, createdAt, (text) => ({ response: text }));
}

function generate(
  body: JsonObject,
  messages: PromptMessage[],
  fault: RowAction | undefined,
  createdAt: string,
  shape: (text: string) => JsonObject,
): Result {
  const options = isObject(body.options) ? body.options : {};
  const limit = asNumber(options.num_predict);
  const format = body.format;
  const prompt = buildPrompt(messages, {
    schema: format === 'json' ? true : isObject(format) ? format : undefined,
    // A negative number means "no limit" there.
    maxOutputTokens: limit !== undefined && limit > 0 ? limit : undefined,
  });
  const answer = composeAnswer(prompt, fault);
  const text = (answer.refusal ?? answer.text).replace(FILL_MARKER, () =>
    fault?.type === 'huge' ? 'x'.repeat(fault.bytes) : '',
  );
  const head = { model: body.model, created_at: createdAt };
  const tail = {
    done: true,
    done_reason: answer.cut ? 'length' : 'stop',
    total_duration: 1_000_000 * (prompt.inputTokens + answer.outputTokens),
    load_duration: 1_000_000,
    prompt_eval_count: prompt.inputTokens,
    prompt_eval_duration: 100_000 * prompt.inputTokens,
    eval_count: answer.outputTokens,
    eval_duration: 900_000 * answer.outputTokens,
  };
  const numbers = { inputTokens: prompt.inputTokens, outputTokens: answer.outputTokens };
  if (body.stream === false) return { reply: jsonReply(200, { ...head, ...shape(text), ...tail }), ...numbers };
  const size = Math.max(1, Math.ceil(text.length / STREAM_PIECES));
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += size) {
    pieces.push(`${JSON.stringify({ ...head, ...shape(text.slice(at, at + size)), done: false })}\n`);
  }
  pieces.push(`${JSON.stringify({ ...head, ...shape(''), ...tail })}\n`);
  return { reply: { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: pieces }, ...numbers };
}

function answerEmbed(body: JsonObject, _fault: RowAction | undefined, _createdAt: string): Result {
  const input = body.input;
  const texts = typeof input === 'string' ? [input] : asArray(input).filter((text) => typeof text === 'string');
  const dimensions = asNumber(body.dimensions) ?? DIMENSIONS;
  const tokens = texts.reduce((sum, text) => sum + estimateTokens(text.length), 0);
  const vectors = texts.map((text) => vectorJson(embed(text, dimensions)));
  const json =
    `{"model":${JSON.stringify(body.model)},"embeddings":[${vectors.join(',')}],` +
    `"total_duration":${1_000_000 * tokens},"load_duration":1000000,"prompt_eval_count":${tokens}}`;
  return { reply: jsonTextReply(200, json), inputTokens: tokens, outputTokens: 0 };
}

async function showModel(call: Call): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const name = asString(body.model) ?? asString(body.name);
  const refusal = modelProblem({ model: name });
  if (refusal !== undefined) return refusal;
  const { details } = modelObject(name ?? '');
  return jsonReply(200, { details, model_info: {}, capabilities: ['completion', 'vision'], modified_at: MODIFIED_AT });
}

function modelObject(name: string): Record<string, unknown> {
  return {
    name,
    model: name,
    modified_at: MODIFIED_AT,
    size: 1,
    digest: hash('sha256', name, 'hex'),
    details: {
      format: 'gguf',
      family: 'sandbox',
      families: ['sandbox'],
      parameter_size: '0B',
      quantization_level: 'none',
    },
  };
}

function readMessage(message: JsonObject): PromptMessage {
  return { role: asString(message.role) ?? '', text: asString(message.content) ?? '', images: imagesOf(message) };
}

/** Images come as bare base64, without the `data:` prefix. */
function imagesOf(holder: JsonObject): PromptImage[] {
  const data = asArray(holder.images).filter((image) => typeof image === 'string');
  return data.map((base64) => ({ url: `data:image/unknown;base64,${base64}`, lowDetail: false }));
}
