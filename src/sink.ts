import type { Run } from './run.ts';

/** PORT: where results go. Rows come one by one, in input order; a sink never holds more than one of them. */
export interface Sink {
  begin(run: Run): Promise<void>;
  write(row: ResultRow): Promise<void>;
  /** Only after `end` may the output be seen as complete. */
  end(): Promise<void>;
  /** Throws away what was written. */
  abort(): Promise<void>;
}

/** One job as its user sees it. */
export interface ResultRow {
  /** The item's key: the file's path as the user gave it. */
  key: string;
  job: number;
  state: 'succeeded' | 'failed' | 'cancelled' | 'skipped' | 'pending';
  output?: string;
  /** The provider's exact body, for provider-native requests. */
  response?: string;
  finishReason?: string;
  errorCode?: string;
  errorMessage?: string;
  attempts: number;
  /** From the first attempt's start to the end, in seconds; 0 for what was never sent. */
  seconds: number;
  inputTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
  /** Money charged for all attempts; absent when the model's price is unknown. */
  costNanoUsd?: number;
  /** Taken from an earlier run: nothing was sent, nothing charged. */
  reused: boolean;
}
