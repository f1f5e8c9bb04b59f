export interface Setting {
  /** Path in config.yaml. */
  key: string;
  type: 'string' | 'integer' | 'number' | 'boolean';
  env?: string;
  /** Looked at where `env` is not set. */
  otherEnv?: string;
  fallback?: string | number | boolean;
  secret?: boolean;
  /** What it is, in a line, with its unit. */
  about: string;
}
