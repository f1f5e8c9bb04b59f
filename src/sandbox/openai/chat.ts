import { type Answer, composeAnswer } from '../answers/compose.ts';
import { imageProblem } from '../answers/image.ts';
import { buildPrompt, type PromptImage, type PromptMessage } from '../answers/prompt.ts';
import { asArray, asNumber, asString, isObject, type JsonObject } from '../json.ts';
import { snapshotOf } from '../prices.ts';
import { maxTokensProblem, positiveIntegerProblem, samplingProblem } from './body-checks.ts';
import { type ApiError, invalidRequest } from './errors.ts';
import { type AnswerContext, type ModelAnswer, refused } from './model-answer.ts';

const ROLES = ['system', 'assistant', 'user', 'function', 'tool', 'developer'];

/** POST /v1/chat/completions (contract section 5.1). */
export function answerChat(body: JsonObject, context: AnswerContext): ModelAnswer {
  const problem = chatProblem(body);
  if (problem !== undefined) return refused(problem);
  const limit = asNumber(body.max_completion_tokens) ?? asNumber(body.max_tokens);
  const prompt = buildPrompt(asArray(body.messages).filter(isObject).map(readMessage), {
    schema: schemaOf(body.response_format),
    maxOutputTokens: limit,
  });
  return chatCompletion(
    body,
    { inputTokens: prompt.inputTokens, answer: composeAnswer(prompt, context.fault) },
    context,
  );
}

/** What was answered to a body, as a chat completion. */
export function chatCompletion(
  body: JsonObject,
  { inputTokens, answer }: { inputTokens: number; answer: Answer },
  context: AnswerContext,
): ModelAnswer {
  const total = inputTokens + answer.outputTokens;
  const content = answer.refusal === null ? JSON.stringify(answer.text) : 'null';
  // Composed as text: `JSON.stringify` of the whole object costs as much as all the rest of a row.
  const json =
    `{"id":"chatcmpl-${context.idSeed.slice(3)}","object":"chat.completion","created":${context.createdSeconds},` +
    `"model":${JSON.stringify(snapshotOf(asString(body.model) ?? ''))},"choices":[{"index":0,"message":{"role":"assistant",` +
    `"content":${content},"refusal":${JSON.stringify(answer.refusal)}},"logprobs":null,` +
    `"finish_reason":"${answer.cut ? 'length' : 'stop'}"}],"usage":{"prompt_tokens":${inputTokens},` +
    `"completion_tokens":${answer.outputTokens},"total_tokens":${total},` +
    `"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,` +
    `"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},` +
    `"service_tier":"default","system_fingerprint":null}`;
  return { status: 200, json, inputTokens, outputTokens: answer.outputTokens };
}

function chatProblem(body: JsonObject): ApiError | undefined {
  const messages = body.messages;
  if (messages === undefined)
    return invalidRequest("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
  if (!Array.isArray(messages)) {
    return invalidRequest("Invalid type for 'messages': expected an array of objects.", 'messages', 'invalid_type');
  }
  if (messages.length === 0) {
    return invalidRequest(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'messages',
      'empty_array',
    );
  }
  for (const [i, message] of (messages as unknown[]).entries()) {
    const problem = messageProblem(message, `messages[${i}]`);
    if (problem !== undefined) return problem;
  }
  return (
    samplingProblem(body) ??
    maxTokensProblem(body) ??
    positiveIntegerProblem(body, 'max_tokens') ??
    positiveIntegerProblem(body, 'max_completion_tokens') ??
    formatProblem(body)
  );
}

function messageProblem(message: unknown, at: string): ApiError | undefined {
  if (!isObject(message)) return invalidRequest(`Invalid type for '${at}': expected an object.`, at, 'invalid_type');
  const role = message.role;
  if (typeof role !== 'string' || !ROLES.includes(role)) {
    const supported = ROLES.map((name) => `'${name}'`).join(', ');
    return invalidRequest(
      `Invalid value: '${String(role)}'. Supported values are: ${supported}.`,
      `${at}.role`,
      'invalid_value',
    );
  }
  const content = message.content;
  if (role === 'user' && typeof content !== 'string' && !Array.isArray(content)) {
    return invalidRequest(
      `Invalid value for 'content': expected a string, got ${content === undefined ? 'undefined' : JSON.stringify(content)}.`,
      `${at}.content`,
    );
  }
  for (const image of imagesOf(content)) {
    const problem = imageProblem(image.url);
    if (problem !== undefined) return invalidRequest(problem, `${at}.content`, 'invalid_image_url');
  }
  return undefined;
}

function formatProblem(body: JsonObject): ApiError | undefined {
  const format = body.response_format;
  if (!isObject(format)) return undefined;
  const type = format.type;
  if (type === 'json_schema') {
    const wrapper = format.json_schema;
    const named = isObject(wrapper) && typeof wrapper.name === 'string';
    return named
      ? undefined
      : invalidRequest(
          "Missing required parameter: 'response_format.json_schema.name'.",
          'response_format.json_schema.name',
          'missing_required_parameter',
        );
  }
  if (type === 'json_object' && !/json/i.test(JSON.stringify(body.messages))) {
    return invalidRequest(
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
      'messages',
    );
  }
  return undefined;
}

/** The schema asked for; `true` for any object; `undefined` for free text. */
function schemaOf(format: unknown): unknown {
  if (!isObject(format)) return undefined;
  if (format.type === 'json_object') return true;
  const wrapper = format.json_schema;
  return format.type === 'json_schema' && isObject(wrapper) ? (wrapper.schema ?? true) : undefined;
}

function readMessage(message: JsonObject): PromptMessage {
  const content = message.content;
  return { role: asString(message.role) ?? '', text: textOf(content), images: imagesOf(content) };
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  const texts = asArray(content).map((part) => (isObject(part) ? asString(part.text) : undefined));
  return texts.filter((text) => text !== undefined).join('\n');
}

function imagesOf(content: unknown): PromptImage[] {
  if (!Array.isArray(content)) return [];
  return (content as unknown[]).flatMap((part) => {
    const image = isObject(part) && part.type === 'image_url' ? part.image_url : undefined;
    const url = isObject(image) ? asString(image.url) : undefined;
    return isObject(image) && url !== undefined ? [{ url, lowDetail: image.detail === 'low' }] : [];
  });
}
