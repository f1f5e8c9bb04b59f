import { openaiProfile } from '../openai-profile.ts';
import type { ServerProfile } from '../server-profile.ts';

/** As at OpenAI, where a server's own facts are not known. */
const usual = openaiProfile.batch;

/** https://console.groq.com/docs/batch: a window of one to seven days. 50,000 lines and 200 MB are unconfirmed. */
const groq: ServerProfile = {
  name: 'groq',
  title: 'Groq',
  baseUrl: 'https://api.groq.com/openai/v1',
  keyVariable: 'GROQ_API_KEY',
  keyHeader: 'authorization',
  maxTokensField: 'max_completion_tokens',
  batch: {
    ...usual,
    create: { ...usual.create, window: { ...usual.create.window, mostHours: 168 } },
  },
};

/**
 * https://docs.together.ai/docs/inference/batch. Whether it keeps metadata is not said: the input file proves a batch
 * ours. Unconfirmed: the wrapper around the created batch (read with and without), a listing that is one array without
 * pages (read with and without, and asked for more all the same), `max_tokens` as the only name that all models know.
 */
const together: ServerProfile = {
  name: 'together',
  title: 'Together AI',
  baseUrl: 'https://api.together.xyz/v1',
  keyVariable: 'TOGETHER_API_KEY',
  keyHeader: 'authorization',
  maxTokensField: 'max_tokens',
  batch: {
    ...usual,
    uploadFields: { purpose: 'batch-api' },
    line: 'body',
    create: { ...usual.create, carriedBy: 'nothing' },
    object: { ...usual.object, wrapper: 'job' },
    listing: 'whole',
    limits: {
      ...usual.limits,
      maxBytes: 100_000_000,
      enqueued: { unit: 'tokens', scope: 'model', most: 30_000_000_000 },
    },
  },
};

/**
 * https://docs.mistral.ai, and mistralai/client-ts for the job. What it takes in bytes is not said: OpenAI's limit is kept.
 * Unconfirmed: numbered pages and their `total` (an empty page ends the listing too, pages that stand still are a fault),
 * how long `timeout_hours` may be beyond its 24, `max_tokens` as the only name, a limit on embedding inputs: a million
 * requests of one text each are allowed, so no fewer of those.
 */
const mistral: ServerProfile = {
  name: 'mistral',
  title: 'Mistral',
  baseUrl: 'https://api.mistral.ai/v1',
  keyVariable: 'MISTRAL_API_KEY',
  keyHeader: 'authorization',
  maxTokensField: 'max_tokens',
  batch: {
    ...usual,
    batchesPath: '/batch/jobs',
    line: 'body',
    create: {
      inputFile: { field: 'input_files', isList: true },
      window: { field: 'timeout_hours', as: 'hours', standard: '24h', leastHours: 1, mostHours: 168 },
      carriedBy: 'metadata',
      namesEndpoint: true,
      namesModel: true,
    },
    object: {
      inputFile: 'input_files',
      resultFiles: ['output_file', 'error_file'],
      phases: { success: 'ended', timeout_exceeded: 'ended', cancelled: 'ended', failed: 'refused' },
      counts: { total: 'total_requests', succeeded: 'succeeded_requests', failed: 'failed_requests' },
    },
    listing: 'pages',
    limits: { ...usual.limits, maxRequests: 1_000_000, maxInputs: 1_000_000 },
  },
};

/**
 * https://learn.microsoft.com/azure/ai-foundry: the address is the resource's (`https://NAME.openai.azure.com/openai/v1`),
 * the model is the name of a deployment. It asks to be polled once a minute at most, and a batch that is not done after
 * 24 hours goes on until it is cancelled.
 */
const azure: ServerProfile = {
  name: 'azure',
  title: 'Azure OpenAI',
  keyVariable: 'AZURE_OPENAI_API_KEY',
  keyHeader: 'api-key',
  maxTokensField: 'max_completion_tokens',
  batch: {
    ...usual,
    limits: { ...usual.limits, pollMinMs: 60_000, pollMaxMs: 300_000 },
  },
};

/** As OpenAI; older versions also took a window of one hour. */
const doubleword: ServerProfile = {
  name: 'doubleword',
  title: 'Doubleword',
  baseUrl: 'https://api.doubleword.ai/v1',
  keyVariable: 'DOUBLEWORD_API_KEY',
  keyHeader: 'authorization',
  maxTokensField: 'max_completion_tokens',
  batch: {
    ...usual,
    create: { ...usual.create, window: { ...usual.create.window, leastHours: 1 } },
  },
};

/**
 * https://docs.x.ai/docs/guides/batch-api, its files of OpenAI's lines: 50,000 requests and 200 MB in one, a name that
 * carries what it is given, counters instead of a status, results in pages. Nothing is said of a window; what has not
 * run after 30 days is cancelled. An upload without `expires_after` is kept and charged for ever; it must come before
 * the file, and its most is 30 days. Unconfirmed: how long the counters of a cancelled batch still move (20 seconds were
 * seen), whether a page of results has an order.
 */
const xai: ServerProfile = {
  name: 'xai',
  title: 'xAI',
  baseUrl: 'https://api.x.ai/v1',
  keyVariable: 'XAI_API_KEY',
  keyHeader: 'authorization',
  maxTokensField: 'max_completion_tokens',
  batch: {
    ...usual,
    uploadFields: { expires_after: '2592000' },
    create: {
      inputFile: usual.create.inputFile,
      carriedBy: 'name',
      namesEndpoint: false,
      namesModel: false,
    },
    object: 'counters',
    listing: 'tokens',
    results: 'pages',
    cancelPath: ':cancel',
    limits: {
      maxRequests: 50_000,
      maxBytes: 200_000_000,
      pollMinMs: usual.limits.pollMinMs,
      pollMaxMs: usual.limits.pollMaxMs,
      absentListings: usual.limits.absentListings,
      absentGraceMs: usual.limits.absentGraceMs,
      cancelSettlesMs: 600_000,
    },
  },
};

/** Servers that speak OpenAI's API, with what is different at each. What is batch priced stands in the price table. */
export const profiles = { groq, together, mistral, azure, doubleword, xai } as const satisfies Readonly<
  Record<string, ServerProfile>
>;

export type ProfileName = keyof typeof profiles;

export const profileNames = Object.keys(profiles) as readonly ProfileName[];
