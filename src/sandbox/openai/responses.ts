import { type Answer, composeAnswer } from '../answers/compose.ts';
import { imageProblem } from '../answers/image.ts';
import { buildPrompt, type PromptImage, type PromptMessage } from '../answers/prompt.ts';
import type { RowAction } from '../fault-plan.ts';
import { asArray, asNumber, asString, isObject, type JsonObject } from '../json.ts';
import { snapshotOf } from '../prices.ts';
import { positiveIntegerProblem, samplingProblem } from './body-checks.ts';
import { type ApiError, invalidRequest } from './errors.ts';
import { type AnswerContext, type ModelAnswer, refused } from './model-answer.ts';

const ROLES = ['system', 'assistant', 'user', 'developer'];

/** POST /v1/responses (contract section 5.2). */
export function answerResponses(body: JsonObject, context: AnswerContext): ModelAnswer {
  const composed = composeResponse(body, context.fault);
  if ('problem' in composed) return refused(composed.problem);
  const { inputTokens, answer } = composed;
  const status = answer.cut ? 'incomplete' : 'completed';
  const content =
    answer.refusal === null
      ? { type: 'output_text', text: answer.text, annotations: [] }
      : { type: 'refusal', refusal: answer.refusal };
  const json = JSON.stringify({
    id: `resp_${context.idSeed}`,
    object: 'response',
    created_at: context.createdSeconds,
    status,
    error: null,
    incomplete_details: answer.cut ? { reason: 'max_output_tokens' } : null,
    model: snapshotOf(asString(body.model) ?? ''),
    output: [{ type: 'message', id: `msg_${context.idSeed}`, status, role: 'assistant', content: [content] }],
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: answer.outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: inputTokens + answer.outputTokens,
    },
  });
  return { status: 200, json, inputTokens, outputTokens: answer.outputTokens };
}

/** The answer to a body of this endpoint, before it is put in a shape: not every server uses this endpoint's own. */
export function composeResponse(
  body: JsonObject,
  fault: RowAction | undefined,
): { inputTokens: number; answer: Answer } | { problem: ApiError } {
  const messages = readInput(body);
  const problem = responsesProblem(body, messages);
  if (problem !== undefined) return { problem };
  const prompt = buildPrompt(messages, {
    schema: schemaOf(body.text),
    maxOutputTokens: asNumber(body.max_output_tokens),
  });
  return { inputTokens: prompt.inputTokens, answer: composeAnswer(prompt, fault) };
}

function responsesProblem(body: JsonObject, messages: readonly PromptMessage[]): ApiError | undefined {
  const input = body.input;
  if (input === undefined || input === null) {
    return invalidRequest("Missing required parameter: 'input'.", 'input', 'missing_required_parameter');
  }
  if (typeof input !== 'string' && !Array.isArray(input)) {
    return invalidRequest("Invalid type for 'input': expected a string or an array.", 'input', 'invalid_type');
  }
  for (const { role, images } of messages) {
    if (!ROLES.includes(role)) {
      const supported = ROLES.map((name) => `'${name}'`).join(', ');
      return invalidRequest(`Invalid value: '${role}'. Supported values are: ${supported}.`, 'input', 'invalid_value');
    }
    const problem = images.map((image) => imageProblem(image.url)).find((found) => found !== undefined);
    if (problem !== undefined) return invalidRequest(problem, 'input', 'invalid_image_url');
  }
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    if (body[name] === undefined) continue;
    return invalidRequest(
      `Unsupported parameter: '${name}'. In the Responses API, this parameter has moved to 'max_output_tokens'.`,
      name,
      'unsupported_parameter',
    );
  }
  return samplingProblem(body) ?? positiveIntegerProblem(body, 'max_output_tokens');
}

function readInput(body: JsonObject): PromptMessage[] {
  const instructions = asString(body.instructions);
  const system: PromptMessage[] =
    instructions === undefined ? [] : [{ role: 'system', text: instructions, images: [] }];
  const input = body.input;
  if (typeof input === 'string') return [...system, { role: 'user', text: input, images: [] }];
  const items = asArray(input).filter(isObject);
  // Items without a role (calls of functions, reasoning) carry nothing to summarise.
  return [...system, ...items.filter((item) => item.role !== undefined).map(readItem)];
}

function readItem(item: JsonObject): PromptMessage {
  const content = item.content;
  const role = String(item.role);
  if (typeof content === 'string') return { role, text: content, images: [] };
  const parts = asArray(content).filter(isObject);
  const texts = parts.map((part) => asString(part.text)).filter((text) => text !== undefined);
  const images = parts.flatMap((part): PromptImage[] => {
    const url = part.type === 'input_image' ? asString(part.image_url) : undefined;
    return url === undefined ? [] : [{ url, lowDetail: part.detail === 'low' }];
  });
  return { role, text: texts.join('\n'), images };
}

function schemaOf(text: unknown): unknown {
  const format = isObject(text) ? text.format : undefined;
  if (!isObject(format)) return undefined;
  if (format.type === 'json_object') return true;
  return format.type === 'json_schema' ? (format.schema ?? true) : undefined;
}
