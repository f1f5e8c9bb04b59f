/** Where the service writes what happens; ids are fields (`run_id`, `job_id`, `batch_id`), never a secret or a prompt. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
