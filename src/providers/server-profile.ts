import type { BatchLimits } from '../provider.ts';

/**
 * How a server that speaks OpenAI's API differs from OpenAI, as data. Facts come from the providers' documents; what is
 * not known of a server is as it is at OpenAI.
 */
export interface ServerProfile {
  /** The part of `groq:model` before the colon. */
  name: string;
  /** For people. */
  title: string;
  /** Absent: every account has an address of its own, which the user gives. */
  baseUrl?: string;
  /** Environment variable of the key. */
  keyVariable: string;
  /** `authorization` carries `Bearer <key>`, `api-key` the key alone. */
  keyHeader: 'authorization' | 'api-key';
  /** What limits the answer of a chat request. */
  maxTokensField: 'max_completion_tokens' | 'max_tokens';
  /** Absent: realtime only. */
  batch?: BatchProfile;
}

export interface BatchProfile {
  /** Behind the base URL. */
  filesPath: string;
  batchesPath: string;
  /** What an upload says beside its file. */
  uploadFields: Readonly<Record<string, string>>;
  /** `call`: a line names method and url beside its id and body; `body`: it does not. */
  line: 'call' | 'body';
  create: CreateProfile;
  /** `counters`: a batch without a status word; see `counted-batch.ts`. */
  object: BatchObjectProfile | 'counters';
  /**
   * `cursor`: `after` and `has_more`. `pages`: `page` from 0 and `page_size`. `whole`: said to have no pages, so one that
   * says the same again when it is asked for the next is at its end. Each may be an envelope with `data` or a bare array.
   * `tokens`: `batches`, and a `pagination_token` as long as there are more.
   */
  listing: 'cursor' | 'pages' | 'whole' | 'tokens';
  /** `files`: the batch names files of lines. `pages`: JSON pages behind the batch's own path. */
  results: 'files' | 'pages';
  /** Behind the batch's own path. */
  cancelPath: '/cancel' | ':cancel';
  limits: BatchLimits;
}

/** The body that creates a batch. */
export interface CreateProfile {
  /** `isList`: the file stands in an array. */
  inputFile: { field: string; isList: boolean };
  /** Absent: there is none to choose. */
  window?: WindowProfile;
  /** What carries our nonce. `nothing`: the input file is what proves a batch ours. */
  carriedBy: 'metadata' | 'name' | 'nothing';
  /** Whether the batch names the endpoint of its requests, or their model, beside these. */
  namesEndpoint: boolean;
  namesModel: boolean;
}

/** `text`: `24h`, as the user writes it. `hours`: a number. */
export interface WindowProfile {
  field: string;
  as: 'text' | 'hours';
  standard: string;
  leastHours: number;
  mostHours: number;
}

/** Where things stand in the batch object. */
export interface BatchObjectProfile {
  /** Some answers hold the object inside this one. */
  wrapper?: string;
  inputFile: string;
  resultFiles: readonly string[];
  /** The words, in lower case, that are an end; every other word is `running`. */
  phases: Readonly<Record<string, 'ended' | 'refused'>>;
  /** `within` is the object that holds the counts; absent: the batch itself. */
  counts: { within?: string; total: string; succeeded: string; failed: string };
}
