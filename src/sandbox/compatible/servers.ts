/**
 * A server that speaks nearly OpenAI's API, by what is different (contract section 4). Own table on purpose. xAI is not
 * in it: too little of its batches is like OpenAI's.
 */
export interface CompatibleServer {
  /** In records, in the ledger, and the first segment of every path. */
  provider: string;
  /** What stands before `/files`, `/chat/completions` and so on. */
  prefix: string;
  keyHeader: 'authorization' | 'api-key';
  batch: CompatibleBatches;
}

export interface CompatibleBatches {
  /** Behind the prefix. */
  path: string;
  purpose: string;
  /** Whether a line names method and url; where it does not, they are refused. */
  linesNameUrl: boolean;
  /** What is said of a batch, and what a create must say. */
  form: 'openai' | 'together' | 'azure' | 'mistral';
  /** `completion_window` or `timeout_hours`, in hours. */
  window: { leastHours: number; mostHours: number };
  /** False: what is not done in time goes on until it is cancelled. */
  expires: boolean;
}

const likeOpenAi: CompatibleBatches = {
  path: '/batches',
  purpose: 'batch',
  linesNameUrl: true,
  form: 'openai',
  window: { leastHours: 24, mostHours: 24 },
  expires: true,
};

export const compatibleServers: readonly CompatibleServer[] = [
  {
    provider: 'groq',
    prefix: '/groq/openai/v1',
    keyHeader: 'authorization',
    batch: { ...likeOpenAi, window: { leastHours: 24, mostHours: 168 } },
  },
  {
    provider: 'together',
    prefix: '/together/v1',
    keyHeader: 'authorization',
    batch: { ...likeOpenAi, purpose: 'batch-api', linesNameUrl: false, form: 'together' },
  },
  {
    provider: 'mistral',
    prefix: '/mistral/v1',
    keyHeader: 'authorization',
    batch: {
      ...likeOpenAi,
      path: '/batch/jobs',
      linesNameUrl: false,
      form: 'mistral',
      window: { leastHours: 1, mostHours: 168 },
    },
  },
  {
    provider: 'azure',
    prefix: '/azure/openai/v1',
    keyHeader: 'api-key',
    batch: { ...likeOpenAi, form: 'azure', expires: false },
  },
  {
    provider: 'doubleword',
    prefix: '/doubleword/v1',
    keyHeader: 'authorization',
    batch: { ...likeOpenAi, window: { leastHours: 1, mostHours: 24 } },
  },
];
