import type { ChatRequest, Message, ModelRequest } from '../request.ts';
import { type ChatOptions, optionKeys, parseMessages, parseModel, parseOptions } from './chat-data.ts';
import { jobTypes } from './contract/words.ts';
import { builtInModel } from './default-models.ts';
import { instructionFor, type PromptedJobType } from './instructions.ts';
import { defaultMaxTokens, takesTemperature } from './model-traits.ts';
import { type Parsed, refused } from './refusal.ts';
import { parseVideoUrl, toVideoRequest, type Video, watchesVideos } from './video-request.ts';

export interface JobInput {
  jobType: string;
  /** The provider's name. */
  provider: string;
  data: Readonly<Record<string, unknown>>;
  /** By `job_type:provider`; before those that are built in. */
  defaultModels?: Readonly<Record<string, string>>;
}

const defaultTemperature = 0.3;

/** No model has embeddings there. */
const withoutEmbeddings: readonly string[] = ['anthropic'];

/**
 * What a job of a type becomes at a provider, or why it cannot be sent there. Pure. `data.messages` are sent as they
 * are; without them the caller's own keys are put to the model under the instruction of the type. Whatever else stands
 * in `data` stays with the job and is not sent.
 */
export function toModelRequest(input: JobInput): Parsed<ModelRequest> {
  const jobType = jobTypes.find((known) => known === input.jobType);
  if (!jobType) return refused('job_type', `must be one of ${jobTypes.join(', ')}`);
  if (jobType === 'embedding_generation') return toEmbedding(input);
  const options = parseOptions(input.data, input.provider);
  if ('refusal' in options) return options;
  const model = modelFor(input, options.value.model);
  if ('refusal' in model) return model;
  const call = { ...options.value, model: model.value };
  return input.data.messages === undefined ? toPrompted(input, jobType, call) : toChat(input, jobType, call);
}

type Call = ChatOptions & { model: string };

function modelFor({ jobType, provider, defaultModels = {} }: JobInput, given: string | undefined): Parsed<string> {
  const key = `${jobType}:${provider}`;
  const found = given ?? (Object.hasOwn(defaultModels, key) ? defaultModels[key] : undefined) ?? builtInModel(key);
  if (found === undefined) {
    const message = `is missing: there is no default model for ${jobType} at ${provider}; name one, or set default_models`;
    return refused('data.model', message);
  }
  // `models/gemini-2.5-flash` and `gemini-2.5-flash` are one model, with one queue and one price.
  return { value: provider === 'gemini' ? found.replace(/^models\//, '') : found };
}

/** Of OpenAI and others; they would change the answer, and we do not send them: nobody should think we do. */
const unsentOptions: readonly string[] = [
  'response_format',
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'top_p',
  'top_k',
  'stream',
  'logit_bias',
  'presence_penalty',
  'frequency_penalty',
  'reasoning_effort',
  'max_completion_tokens',
  'max_output_tokens',
  'stop_sequences',
];

function toChat({ provider, data }: JobInput, jobType: PromptedJobType, call: Call): Parsed<ModelRequest> {
  const messages = parseMessages(data.messages);
  if ('refusal' in messages) return messages;
  const unsent = unsentOptions.find((name) => data[name] !== undefined && data[name] !== null && data[name] !== false);
  if (unsent !== undefined) {
    const message = 'is not sent to the model: beside messages there are model, temperature and max_tokens';
    return refused(`data.${unsent}`, message);
  }
  if (jobType !== 'video_analysis' || data.video_url === undefined || !watchesVideos.includes(provider)) {
    return { value: chatRequest(provider, call, messages.value) };
  }
  const video = parseVideoUrl(data.video_url);
  if ('refusal' in video) return video;
  if (!messages.value.some(({ role }) => role === 'user')) {
    return refused('data.messages', 'must hold a message of the user, to which the video belongs');
  }
  return { value: videoRequest(provider, call, video.value, messages.value) };
}

/** The caller's own keys under the instruction of the type. */
function toPrompted({ provider, data }: JobInput, jobType: PromptedJobType, call: Call): Parsed<ModelRequest> {
  const hasVideo = jobType === 'video_analysis' && data.video_url !== undefined;
  const own = Object.entries(data).filter(([key]) => !optionKeys.includes(key) && !(hasVideo && key === 'video_url'));
  if (!hasVideo) {
    if (own.length === 0)
      return refused('data', `holds nothing to work on: give messages, or the data of the ${jobType}`);
    return { value: chatRequest(provider, call, promptOf(jobType, Object.fromEntries(own))) };
  }
  if (!watchesVideos.includes(provider)) {
    const message = `cannot be watched by the models of ${provider}: queue it at ${watchesVideos.join(' or ')}, or give messages, or a transcript instead of the address`;
    return refused('data.video_url', message);
  }
  const video = parseVideoUrl(data.video_url);
  if ('refusal' in video) return video;
  return { value: videoRequest(provider, call, video.value, promptOf(jobType, Object.fromEntries(own))) };
}

function promptOf(jobType: PromptedJobType, own: Readonly<Record<string, unknown>>): Message[] {
  return [
    { role: 'system', content: [{ type: 'text', text: instructionFor(jobType) }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'The data:' },
        { type: 'document', name: 'data.json', text: JSON.stringify(own, undefined, 1) },
      ],
    },
  ];
}

function chatRequest(provider: string, call: Call, messages: readonly Message[]): ChatRequest {
  return { type: 'chat', model: call.model, messages, ...samplingOf(provider, call) };
}

function videoRequest(provider: string, call: Call, video: Video, messages: readonly Message[]): ModelRequest {
  return toVideoRequest({ model: call.model, video, messages, ...samplingOf(provider, call) });
}

/** What the caller gave is sent as it is; the usual temperature only to models that take one. */
function samplingOf(provider: string, { model, temperature, maxTokens }: Call) {
  const usual = takesTemperature(provider, model) ? defaultTemperature : undefined;
  const sent = temperature ?? usual;
  return {
    maxTokens: maxTokens ?? defaultMaxTokens(provider, model),
    ...(sent === undefined ? {} : { temperature: sent }),
  };
}

/** As many as OpenAI takes in one request. */
const mostInputs = 2048;

function toEmbedding(input: JobInput): Parsed<ModelRequest> {
  const { provider, data } = input;
  if (withoutEmbeddings.includes(provider)) {
    return refused('job_type', `embedding_generation cannot be done at ${provider}, which has no embeddings`);
  }
  const given = parseModel(data.model);
  if ('refusal' in given) return given;
  const model = modelFor(input, given.value);
  if ('refusal' in model) return model;
  const inputs = typeof data.input === 'string' ? [data.input] : data.input;
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > mostInputs) {
    return refused('data.input', `must be a text, or a list of 1 to ${mostInputs} texts`);
  }
  const texts = inputs.filter((text): text is string => typeof text === 'string' && /\S/.test(text));
  if (texts.length < inputs.length) return refused('data.input', 'must hold texts that are not empty');
  const { dimensions } = data;
  if (dimensions === undefined) return { value: { type: 'embedding', model: model.value, input: texts } };
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1) {
    return refused('data.dimensions', 'must be a whole number of at least 1');
  }
  return { value: { type: 'embedding', model: model.value, input: texts, dimensions } };
}
