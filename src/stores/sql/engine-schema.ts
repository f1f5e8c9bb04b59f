/** Runs, jobs, attempts, results, batches, money. */
export const engineSchema = `
CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT,
  -- The job type, where the run is one filling of a service's queue.
  queue TEXT,
  fingerprint TEXT NOT NULL,
  state TEXT NOT NULL,
  mode TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  priority INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  concurrency INTEGER NOT NULL,
  timeout_ms INTEGER NOT NULL,
  simulated INTEGER NOT NULL,
  fresh INTEGER NOT NULL,
  prime_cache INTEGER NOT NULL,
  deadline_at INTEGER,
  budget_nano INTEGER,
  reserved_nano INTEGER NOT NULL DEFAULT 0,
  over_budget INTEGER NOT NULL DEFAULT 0,
  output_path TEXT,
  output_format TEXT,
  recipe TEXT NOT NULL,
  source TEXT NOT NULL,
  note TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  queued INTEGER NOT NULL DEFAULT 0,
  packed INTEGER NOT NULL DEFAULT 0,
  running INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  reused INTEGER NOT NULL DEFAULT 0,
  reused_nano INTEGER NOT NULL DEFAULT 0,
  input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  cached_tokens INTEGER NOT NULL DEFAULT 0,
  cost_nano INTEGER NOT NULL DEFAULT 0,
  realtime_nano INTEGER NOT NULL DEFAULT 0,
  unpriced INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_unfinished ON runs (fingerprint) WHERE state <> 'ended';
CREATE INDEX runs_of_queue ON runs (queue) WHERE queue IS NOT NULL;
CREATE INDEX runs_created ON runs (created_at);
-- One at a time takes a queue's jobs; what the sandbox answers stays apart.
CREATE UNIQUE INDEX runs_queue ON runs (queue, provider, simulated) WHERE queue IS NOT NULL AND state = 'open';

CREATE TABLE lanes (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (seq),
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  mode TEXT NOT NULL,
  -- Its jobs wait while their run is open: a queue that was not sent yet.
  held INTEGER NOT NULL DEFAULT 0,
  primer INTEGER,
  UNIQUE (run, account, model, endpoint, held)
) STRICT;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  lane INTEGER,
  key TEXT NOT NULL,
  position INTEGER NOT NULL,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  last_attempt INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  inputs INTEGER NOT NULL DEFAULT 0,
  max_input INTEGER NOT NULL DEFAULT 0,
  max_output INTEGER,
  hash INTEGER,
  batch INTEGER,
  reused_from INTEGER,
  leader INTEGER
) STRICT;
CREATE UNIQUE INDEX jobs_key ON jobs (run, key);
-- With the moment before which they may not be sent: many that wait are skipped without reading their rows.
CREATE INDEX jobs_queued ON jobs (lane, priority DESC, id, available_at) WHERE state = 'queued' AND leader IS NULL;
-- Not IN with three: SQLite would build its list anew for each row that changes its state (15 us, measured).
CREATE INDEX jobs_over ON jobs (run, state) WHERE state = 'failed' OR state = 'cancelled' OR state = 'skipped';
-- Jobs that wait for the answer to the same request of another job.
CREATE INDEX jobs_leader ON jobs (leader) WHERE leader IS NOT NULL;

CREATE TABLE payloads (
  job INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- The request of a job's next attempt, when a bad answer is to be mended.
CREATE TABLE corrections (
  job INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- Jobs whose request is under way or was answered, by the hash of its body: a second job of the same body follows the
-- first, or takes its answer. Hashes are random, and a random place costs 4 us: written once, when the job is claimed.
CREATE TABLE shared_requests (
  hash INTEGER NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (hash, job)
) STRICT, WITHOUT ROWID;

-- Jobs that have ended, while some of those that follow them wait for the answer.
CREATE TABLE landed (
  job INTEGER PRIMARY KEY
) STRICT;

-- In the order in which they come, which need not be that of the jobs: a random place for each costs five times as much.
-- Ids only grow: they are the cursor of whoever reads results as they come.
CREATE TABLE results (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL UNIQUE,
  output TEXT,
  response TEXT,
  finish_reason TEXT,
  error_code TEXT,
  error_message TEXT
) STRICT;
-- A run's results as they come: a job's id is its run's number times 2^30 plus its place.
CREATE INDEX results_run ON results (job >> 30);
CREATE INDEX results_failed ON results (job, error_code) WHERE error_code IS NOT NULL;

CREATE TABLE attempts (
  job INTEGER NOT NULL,
  number INTEGER NOT NULL,
  batch INTEGER,
  outcome TEXT,
  generation INTEGER,
  error_code TEXT,
  error_message TEXT,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cached_tokens INTEGER,
  reasoning_tokens INTEGER,
  cache_write_tokens INTEGER,
  cost_nano INTEGER,
  reserved_nano INTEGER,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  lease_owner TEXT,
  lease_until INTEGER,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_batch ON attempts (batch, job) WHERE batch IS NOT NULL;
CREATE INDEX attempts_leased ON attempts (lease_owner) WHERE lease_owner IS NOT NULL;

CREATE TABLE batches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  state TEXT NOT NULL,
  nonce TEXT NOT NULL UNIQUE,
  requests INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  inputs INTEGER NOT NULL DEFAULT 0,
  sha256 TEXT,
  remote_id TEXT,
  input_file_id TEXT,
  raw_status TEXT,
  remote_total INTEGER,
  remote_succeeded INTEGER,
  remote_failed INTEGER,
  quarantined INTEGER NOT NULL DEFAULT 0,
  -- How its rows ended here, and their money.
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cost_nano INTEGER NOT NULL DEFAULT 0,
  realtime_nano INTEGER NOT NULL DEFAULT 0,
  unpriced INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until INTEGER,
  next_at INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0,
  not_found INTEGER NOT NULL DEFAULT 0,
  absences INTEGER NOT NULL DEFAULT 0,
  absent_since INTEGER,
  -- Somebody wants its end / the provider was asked for it.
  cancel_wanted INTEGER NOT NULL DEFAULT 0,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  hedged INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  created_at INTEGER NOT NULL,
  submitted_at INTEGER,
  ended_at INTEGER,
  expires_at INTEGER
) STRICT;
CREATE INDEX batches_run ON batches (run);
CREATE INDEX batches_leased ON batches (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX batches_created ON batches (created_at);
CREATE INDEX batches_open ON batches (next_at) WHERE state NOT IN ('collected', 'failed', 'abandoned');

CREATE INDEX batches_remote ON batches (remote_id) WHERE remote_id IS NOT NULL;

-- What an account was found to take, learned from its refusals; model '*': over all models.
CREATE TABLE account_limits (
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  most INTEGER NOT NULL,
  learned_at INTEGER NOT NULL,
  PRIMARY KEY (account, model)
) STRICT, WITHOUT ROWID;

-- Sums of the attempts, written with them: money by day, run, provider and model costs one small scan.
CREATE TABLE spending (
  day TEXT NOT NULL,
  lane INTEGER NOT NULL,
  realtime INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  realtime_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  PRIMARY KEY (day, lane, realtime)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL,
  custom_id TEXT,
  reason TEXT NOT NULL,
  hash TEXT NOT NULL,
  line TEXT NOT NULL,
  UNIQUE (batch, reason, hash)
) STRICT;

-- Ids only grow, for none is ever deleted: the cursor of whoever watches.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  run INTEGER,
  batch INTEGER,
  type TEXT NOT NULL,
  detail TEXT
) STRICT;
CREATE INDEX events_run ON events (run) WHERE run IS NOT NULL;
CREATE INDEX events_batch ON events (batch) WHERE batch IS NOT NULL;

-- A process ended without closing the store, and the file has not been checked as a whole since.
CREATE TABLE unclean (
  at INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE sessions (
  owner TEXT PRIMARY KEY,
  opened_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
