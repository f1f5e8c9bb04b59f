import { type Answer, composeAnswer } from '../answers/compose.ts';
import { buildPrompt, type Prompt, type PromptMessage } from '../answers/prompt.ts';
import { asNumber, asString, isObject, type JsonObject } from '../json.ts';
import { type GeminiError, invalidArgument } from './errors.ts';
import { field } from './field.ts';
import type { AnswerContext, ModelAnswer } from './model-answer.ts';
import { contentsProblem, readMessages } from './read-contents.ts';
import { jsonSchemaOf } from './response-schema.ts';

/** A `cachedContent` stands for so many tokens here, whatever it holds: the smallest cache the service takes. */
const CACHED_TOKENS = 2048;
const THINKING_MODEL = /gemini-(?:[3-9]|2\.5)/;

interface Counts {
  prompt: number;
  image: number;
  cached: number;
  candidates: number;
  thoughts: number;
}

/** `:generateContent`, and one row of `:batchGenerateContent` (contract sections 3.2, 3.5 and 5.5). */
export function answerGenerateContent(body: JsonObject, context: AnswerContext): ModelAnswer {
  const given = field(body, 'generationConfig');
  const config = isObject(given) ? given : {};
  const problem = contentsProblem(body.contents) ?? configProblem(config);
  if (problem !== undefined) return { error: problem };
  const messages = readMessages(body);
  const prompt = buildPrompt(messages, {
    schema: schemaOf(config),
    maxOutputTokens: asNumber(field(config, 'maxOutputTokens')),
  });
  const answer = composeAnswer(prompt, context.fault);
  const cached = asString(field(body, 'cachedContent')) === undefined ? 0 : CACHED_TOKENS;
  const blocked = answer.refusal !== null;
  const candidates = blocked ? 0 : answer.outputTokens;
  const counts: Counts = {
    prompt: prompt.inputTokens + cached,
    image: imageTokensIn(messages, prompt),
    cached,
    candidates,
    thoughts: blocked ? 0 : thoughtsFor(context.model, config, candidates),
  };
  const tail =
    `"usageMetadata":${usageJson(counts)},"modelVersion":${JSON.stringify(context.model)},` +
    `"responseId":"${Buffer.from(context.idSeed, 'hex').toString('base64url')}"}`;
  return {
    error: null,
    json: `{${contentJson(answer, prompt, config, context)},${tail}`,
    tokens: { input: counts.prompt - cached, cacheRead: cached, output: counts.candidates + counts.thoughts },
  };
}

function imageTokensIn(messages: readonly PromptMessage[], prompt: Prompt): number {
  if (messages.every((message) => message.images.length === 0)) return 0;
  return prompt.inputTokens - buildPrompt(messages.map((message) => ({ ...message, images: [] }))).inputTokens;
}

function contentJson(answer: Answer, prompt: Prompt, config: JsonObject, { fault }: AnswerContext): string {
  if (answer.refusal !== null) {
    const stopped = fault?.type === 'refusal' && fault.stage === 'answer';
    // Blocked before the model saw it: no candidates at all. Stopped while answering: a candidate without content.
    return stopped
      ? `"candidates":[{"finishReason":"SAFETY","index":0,"safetyRatings":[{"category":"HARM_CATEGORY_DANGEROUS_CONTENT","probability":"HIGH","blocked":true}]}]`
      : `"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}`;
  }
  const isPlain = field(config, 'responseMimeType') === 'text/x.enum' && prompt.schema !== undefined;
  const text = isPlain ? unquoted(answer.text) : answer.text;
  // A model that says nothing leaves the parts out.
  const parts = text === '' ? '' : `"parts":[{"text":${JSON.stringify(text)}}],`;
  const finish = answer.cut ? 'MAX_TOKENS' : 'STOP';
  return `"candidates":[{"content":{${parts}"role":"model"},"finishReason":"${finish}","index":0}]`;
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** Unset fields are left out, as the service does. */
function usageJson({ prompt, image, cached, candidates, thoughts }: Counts): string {
  const details = (name: string, modality: string, tokens: number): string =>
    `"${name}":[{"modality":"${modality}","tokenCount":${tokens}}`;
  const imagePart = image > 0 ? `,{"modality":"IMAGE","tokenCount":${image}}` : '';
  return (
    `{"promptTokenCount":${prompt},` +
    (cached > 0 ? `"cachedContentTokenCount":${cached},${details('cacheTokensDetails', 'TEXT', cached)}],` : '') +
    (candidates > 0 ? `"candidatesTokenCount":${candidates},` : '') +
    `"totalTokenCount":${prompt + candidates + thoughts},` +
    `${details('promptTokensDetails', 'TEXT', prompt - image)}${imagePart}]` +
    (candidates > 0 ? `,${details('candidatesTokensDetails', 'TEXT', candidates)}]` : '') +
    (thoughts > 0 ? `,"thoughtsTokenCount":${thoughts}` : '') +
    '}'
  );
}

/** Models that think do so unless told not to. */
function thoughtsFor(model: string, config: JsonObject, candidates: number): number {
  if (!THINKING_MODEL.test(model)) return 0;
  const thinking = field(config, 'thinkingConfig');
  const budget = isObject(thinking) ? asNumber(field(thinking, 'thinkingBudget')) : undefined;
  const wanted = 16 + Math.ceil(candidates / 2);
  return budget === undefined || budget < 0 ? wanted : Math.min(budget, wanted);
}

function configProblem(config: JsonObject): GeminiError | undefined {
  const temperature = config.temperature;
  if (temperature !== undefined && (typeof temperature !== 'number' || temperature < 0 || temperature > 2)) {
    return invalidArgument(
      '* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n',
    );
  }
  const limit = field(config, 'maxOutputTokens');
  if (limit !== undefined && (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1)) {
    return invalidArgument(
      '* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be positive.\n',
    );
  }
  const type = field(config, 'responseMimeType');
  const hasSchema = field(config, 'responseSchema') !== undefined || field(config, 'responseJsonSchema') !== undefined;
  if (hasSchema && type !== 'application/json' && type !== 'text/x.enum') {
    const given = typeof type === 'string' ? type : 'text/plain';
    return invalidArgument(`Response schema with response mime type: '${given}' is unsupported`);
  }
  return undefined;
}

/** The schema asked for; `true` for any object; `undefined` for free text. */
function schemaOf(config: JsonObject): unknown {
  const schema = field(config, 'responseSchema');
  if (schema !== undefined) return jsonSchemaOf(schema);
  const jsonSchema = field(config, 'responseJsonSchema');
  if (jsonSchema !== undefined) return jsonSchema;
  return field(config, 'responseMimeType') === 'application/json' ? true : undefined;
}
