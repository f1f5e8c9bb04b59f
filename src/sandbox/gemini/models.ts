import type { Call, Route } from '../call.ts';
import { jsonReply, type Reply } from '../reply.ts';
import { notFound } from './errors.ts';
import { pageToken, readPage } from './paging.ts';

const TEXT_MODELS = [
  'gemini-3.8-flash',
  'gemini-3.5-flash',
  'gemini-3.5-flash-lite',
  'gemini-3.1-pro-preview',
  'gemini-3.1-flash-lite',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-2.5-flash-lite',
];
const EMBEDDING_MODELS = ['gemini-embedding-2', 'gemini-embedding-001'];
const MODELS = [...TEXT_MODELS, ...EMBEDDING_MODELS];
const UNKNOWN_MODEL = 'no-such-model';

/** Models this sandbox has never heard of are answered all the same, but for this one. */
export function isKnownModel(model: string): boolean {
  return !model.startsWith(UNKNOWN_MODEL);
}

export function unknownModel(model: string, method: string): Reply {
  return notFound(
    `models/${model} is not found for API version v1beta, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`,
  );
}

export function modelRoutes(): Route[] {
  return [
    { method: 'GET', path: '/v1beta/models', handler: listModels },
    {
      method: 'GET',
      path: '/v1beta/models/*',
      handler(call) {
        const model = call.names[0] ?? '';
        return isKnownModel(model) ? jsonReply(200, modelObject(model)) : unknownModel(model, 'generateContent');
      },
    },
  ];
}

function listModels(call: Call): Reply {
  const page = readPage(call, 50, 1000);
  if ('refusal' in page) return page.refusal;
  const first = page.after === undefined ? 0 : MODELS.indexOf(page.after) + 1;
  const shown = MODELS.slice(first, first + page.size);
  const last = shown.at(-1);
  const more = last !== undefined && first + page.size < MODELS.length ? { nextPageToken: pageToken(last) } : {};
  return jsonReply(200, { models: shown.map(modelObject), ...more });
}

function modelObject(model: string): Record<string, unknown> {
  const embeds = model.includes('embedding');
  return {
    name: `models/${model}`,
    version: '001',
    displayName: model,
    inputTokenLimit: embeds ? 2048 : 1_048_576,
    outputTokenLimit: embeds ? 1 : 65_536,
    supportedGenerationMethods: embeds
      ? ['embedContent', 'asyncBatchEmbedContent']
      : ['generateContent', 'batchGenerateContent'],
  };
}
