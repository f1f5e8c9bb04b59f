import type {
  BatchObjectProfile,
  BatchProfile,
  CreateProfile,
  ServerProfile,
  WindowProfile,
} from './server-profile.ts';

interface OpenAIBatchProfile extends BatchProfile {
  object: BatchObjectProfile;
  create: CreateProfile & { window: WindowProfile };
}

interface OpenAIServerProfile extends ServerProfile {
  batch: OpenAIBatchProfile;
}

const batch: OpenAIBatchProfile = {
  filesPath: '/files',
  batchesPath: '/batches',
  uploadFields: { purpose: 'batch' },
  line: 'call',
  create: {
    inputFile: { field: 'input_file_id', isList: false },
    window: { field: 'completion_window', as: 'text', standard: '24h', leastHours: 24, mostHours: 24 },
    carriedBy: 'metadata',
    namesEndpoint: true,
    namesModel: false,
  },
  object: {
    inputFile: 'input_file_id',
    resultFiles: ['output_file_id', 'error_file_id'],
    phases: { completed: 'ended', expired: 'ended', cancelled: 'ended', canceled: 'ended', failed: 'refused' },
    counts: { within: 'request_counts', total: 'total', succeeded: 'completed', failed: 'failed' },
  },
  listing: 'cursor',
  results: 'files',
  cancelPath: '/cancel',
  // https://developers.openai.com/api/docs/guides/batch: 50,000 requests, 200 MB, read as the smaller, decimal MB, and
  // 50,000 embedding inputs over all requests. How many prompt tokens may be enqueued differs from account to account and
  // is learned.
  limits: {
    maxRequests: 50_000,
    maxBytes: 200_000_000,
    maxInputs: 50_000,
    enqueued: { unit: 'tokens', scope: 'model' },
    pollMinMs: 2000,
    pollMaxMs: 60_000,
    absentListings: 3,
    absentGraceMs: 120_000,
  },
};

/** OpenAI itself; also what any server is taken for of which nothing else is said. */
export const openaiProfile: OpenAIServerProfile = {
  name: 'openai',
  title: 'OpenAI',
  baseUrl: 'https://api.openai.com/v1',
  keyVariable: 'OPENAI_API_KEY',
  keyHeader: 'authorization',
  maxTokensField: 'max_completion_tokens',
  batch,
};
