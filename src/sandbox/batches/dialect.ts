import type { SandboxState } from '../state.ts';
import type { BatchError, BatchRecord } from './batch-record.ts';
import type { RowAnswer, RowContext, RowRequest } from './row.ts';

/** What a provider adds to the batches all of them share: how requests are read, answered, and the end looks. */
export interface BatchDialect<Details = unknown> {
  /** Stands in the records. */
  provider: string;
  /** Whether results come in another order than the requests did. */
  shuffles: boolean;
  /** Where rows that were never executed are told of when a batch ends early; `undefined`: nowhere. */
  unexecutedFile: RowAnswer['file'] | undefined;
  /** Begins a pass over the stored requests. May happen again: a process that dies leaves its batch to the next one. */
  begin(state: SandboxState, record: BatchRecord<Details>): BatchRun;
  /** Asked when all rows are answered: errors fail the batch after all, as a full queue does. */
  refuse(
    state: SandboxState,
    record: BatchRecord<Details>,
    done: { model: string | null; tokens: number },
  ): BatchError[];
  /** The result line of a row that was not executed; `position` counts from 0. Only asked with an `unexecutedFile`. */
  unexecutedLine(record: BatchRecord<Details>, row: UnexecutedRow): string;
  /** The details at the end. Called inside a transaction: may insert the result files, may not wait. */
  settled(state: SandboxState, record: BatchRecord<Details>, results: SettledResults): Details;
  /** What the ledger shows. */
  facts(record: BatchRecord<Details>, nowMs: number): BatchFacts;
}

export interface UnexecutedRow {
  /** As JSON text, quotes included. */
  customIdJson: string;
  position: number;
  outcome: 'expired' | 'cancelled';
}

/** One execution of one batch. */
export interface BatchRun {
  /** Blob with one request per line; `undefined`: there is nothing to execute, and `errors` says why. */
  readonly blob: string | undefined;
  /** Any error fails the whole batch; once there is one, rows are read but no longer answered. */
  readonly errors: readonly BatchError[];
  readonly model: string | null;
  /** True when more lines cannot change the outcome. */
  readonly full: boolean;
  /** Called for every line in order; `undefined`: the line was put on the list of errors. */
  read(line: Buffer): RowRequest | undefined;
  /** Must honour the faults about content and about errors; those about the line are done for it. */
  answer(row: RowRequest, context: RowContext): RowAnswer;
  /** After the last line. */
  finish(): void;
}

/** The first `bytes` bytes of a blob are the file. */
export interface ResultFile {
  blob: string;
  bytes: number;
}

export interface SettledResults {
  endMs: number;
  outcome: 'completed' | 'expired' | 'cancelled';
  output: ResultFile;
  error: ResultFile;
}

export interface BatchFacts {
  status: string;
  inputFileId: string;
  metadata: Record<string, string> | null;
}

/** All dialects by the name in `BatchRecord.provider`. */
export type Dialects = ReadonlyMap<string, BatchDialect>;

export function dialectOf(dialects: Dialects, record: BatchRecord): BatchDialect {
  const dialect = dialects.get(record.provider);
  if (dialect === undefined) throw new Error(`The sandbox has no provider "${record.provider}" (batch ${record.id}).`);
  return dialect;
}
