// biome-ignore-all assist/source/organizeImports: grouped by subject, in the order of the flow

/**
 * The public names of the package. Everything else may change between two versions. Nothing inside `src` imports this
 * file.
 *
 * @example
 * const offpeak = createOffpeak({ store, providers: [provider] });
 * const { run } = await offpeak.begin({ source, recipe, provider, model: 'gpt-5-mini' });
 * await offpeak.fill(run);
 * await offpeak.worker({ runId: run.id }).run(signal);
 */

// Put together, submit, work, read.
export { createOffpeak, type FillOptions, type Offpeak, type OffpeakOptions, type SubmitInput } from './offpeak.ts';
export type { DeliverOptions } from './engine/deliver.ts';
export type { Random } from './ids.ts';
export type { BookedJob, EngineEvent, RetryOptions } from './engine/engine.ts';
export type { Worker } from './engine/worker.ts';

// The nouns.
export { type Run, type RunMode, type RunState, type Description, runModes, runStates } from './run.ts';
export { type JobCounts, type JobState, jobStates } from './job.ts';
export { type Batch, type BatchState, batchStates, type RowCounts } from './batch.ts';
export type {
  ChatRequest,
  ContentPart,
  EmbeddingRequest,
  JsonSchema,
  Message,
  ModelRequest,
  NativeRequest,
  RequestSize,
} from './request.ts';
export { type FailedOutcome, failureCodes, type Outcome, type SucceededOutcome, type UnrunOutcome } from './outcome.ts';
export type { Usage } from './usage.ts';

// Errors and time.
export { type ErrorCode, isOffpeakError, OffpeakError, type OffpeakErrorOptions } from './errors.ts';
export { type Clock, systemClock } from './clock.ts';

// Prices: what a run is reckoned by.
export { createPriceList, type PriceList, type PriceListOptions, type PriceOverride } from './price-list.ts';
export type { BatchTerms, Price, PriceTier, Rates } from './prices.ts';

// Stores: the only truth.
export {
  type AddedJobs,
  type AddOptions,
  type AttemptPage,
  type BatchChange,
  type BatchDuration,
  type BatchRequest,
  type BookedRows,
  type BookRow,
  type ClaimedJob,
  type CostBound,
  type CostRow,
  chunkRows,
  type EnqueuedRoom,
  type ImportedBatch,
  type ImportedRow,
  type Lane,
  type LaneKey,
  type LaneMode,
  type Lease,
  type LeaseRequest,
  type NewJob,
  type NewRun,
  type PackedJobs,
  type PackRoom,
  type QuarantinedLine,
  type ReadOptions,
  type RunChange,
  type Scope,
} from './store-rows.ts';
export type { Store } from './store.ts';
// What the service keeps, and what people look at.
export {
  type Alert,
  alertSeverities,
  type AlertSeverity,
  type CursorMove,
  type Delivery,
  type DeliveryAttempt,
  type DeliveryLease,
  type DeliveryState,
  deliveryStates,
  type Enqueued,
  type NewAlert,
  type NewDelivery,
  type QueuedJob,
  type QueueState,
  requeueableStates,
  type ScheduleMark,
  type ServiceStore,
  type SettingsDecision,
  type Token,
  type TokenRole,
  type UnservedRun,
  tokenRoles,
} from './service-store.ts';
export {
  type AttemptView,
  type BatchSummary,
  failuresRead,
  type FeedRow,
  type JobDetails,
  type JobFilter,
  type JobPage,
  type JobSummary,
  type QueueTotals,
  type RunSummary,
  type Side,
  type SpendingRow,
  type StoreEvent,
  type Totals,
  type Views,
} from './views.ts';
export {
  type OpenSqliteStoreOptions,
  openSqliteStore,
  type ThreadedSqliteStore,
} from './stores/sqlite/open-sqlite-store.ts';
export { createSqliteStore, type SqliteStore, type SqliteStoreOptions } from './stores/sqlite/sqlite-store.ts';
export type { WholeCheckOptions } from './stores/sqlite/whole-check.ts';
export { isOwnerAlive, processOwner } from './stores/process-owner.ts';

// Providers: one adapter an API.
export {
  type BatchApi,
  type BatchLimits,
  type CallOptions,
  type CreateInput,
  type EnqueuedLimit,
  type Provider,
  type ProviderCheck,
  parseModel,
  type RemoteBatch,
  type ResultLine,
  type UploadInput,
  type WireRequest,
} from './provider.ts';
export { createOpenAIProvider, type OpenAIProviderOptions } from './providers/openai/openai-provider.ts';
export type { ChatEndpoint } from './providers/openai/convert-to-openai-request.ts';
export type { ProviderOptions, TransferTimeouts } from './providers/provider-connection.ts';
export { createAnthropicProvider, type AnthropicProviderOptions } from './providers/anthropic/anthropic-provider.ts';
export type { AnthropicTimeouts } from './providers/anthropic/anthropic-connection.ts';
export { createGeminiProvider, type GeminiProviderOptions } from './providers/gemini/gemini-provider.ts';
export { createCompatibleProvider, type CompatibleProviderOptions } from './providers/compatible-provider.ts';
export type { ProfileName } from './providers/compatible/profiles.ts';
export type {
  BatchObjectProfile,
  BatchProfile,
  CreateProfile,
  ServerProfile,
  WindowProfile,
} from './providers/server-profile.ts';
export { createOllamaProvider, type OllamaProviderOptions } from './providers/ollama/ollama-provider.ts';

// Sources: where items come from.
export type { Item, ItemContent, SkipCode, Source } from './source.ts';
export { createSource } from './sources/sources.ts';
export { createFilesSource, type FilesOptions } from './sources/files/files-source.ts';
export type { FileSystem } from './sources/files/read-file.ts';
export { createJsonlSource, type JsonlOptions } from './sources/jsonl/jsonl-source.ts';

// Recipes: item -> request, answer -> accepted or not.
export type { Recipe } from './recipe.ts';
export { createRecipe } from './recipes/recipes.ts';
export { createPromptRecipe, type PromptOptions } from './recipes/prompt.ts';
export { createRequestsRecipe, type RequestsOptions } from './recipes/requests.ts';

// Sinks: where results go.
export type { ResultRow, Sink } from './sink.ts';
export type { TextTarget } from './sinks/text-target.ts';
export { createSink, formatOf, type SinkFormat, type SinkOptions, sinkFormats } from './sinks/sinks.ts';
export { createFileTarget } from './sinks/file-target.ts';
export { createStreamTarget } from './sinks/stream-target.ts';
export { type JsonResult, type JsonResults, readJsonResults } from './sinks/read-json-results.ts';

// The sandbox: the providers' APIs on this machine, with simulated answers, faults and a clock of its own.
export {
  type FaultPlan,
  type Ledger,
  type LedgerBatch,
  type RouteAction,
  type RouteFault,
  type RowAction,
  type RowFault,
  type RowMatch,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from './sandbox/sandbox.ts';
export type { CounterName } from './sandbox/ledger.ts';
export type { SandboxLimits } from './sandbox/state.ts';
export type { Delays } from './sandbox/batches/batch-record.ts';
