/**
 * The schema, numbered and forward only: never change an entry that was released, add one.
 * Hot rows are narrow: request bodies and results stand beside the job row, so that a scan of a million jobs reads no
 * payload. Payloads are TEXT with the exact JSON of the wire. Times are milliseconds since 1970, money nano-dollars.
 * A run's counts are columns of its row, changed in the transaction that moves the jobs: reading them costs one row.
 */
export const migrations: readonly string[] = [
  `
CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT,
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

CREATE TABLE lanes (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (seq),
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  mode TEXT NOT NULL,
  primer INTEGER,
  UNIQUE (run, account, model, endpoint)
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
CREATE INDEX jobs_over ON jobs (run, state) WHERE state IN ('failed', 'cancelled');
-- Jobs that wait for the answer to the same request of another job.
CREATE INDEX jobs_leader ON jobs (leader) WHERE leader IS NOT NULL;
-- Partial on purpose: a random index costs 4 us a row, which adding jobs must not pay; booking can.
CREATE INDEX jobs_answered ON jobs (hash) WHERE state = 'succeeded';

CREATE TABLE payloads (
  job INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- The request of a job's next attempt, when a bad answer is to be mended.
CREATE TABLE corrections (
  job INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- Requests under way, by the hash of their body: a second job of the same body follows the first.
CREATE TABLE in_flight (
  hash INTEGER NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (hash, job)
) STRICT, WITHOUT ROWID;

-- Jobs that have ended, while some of those that follow them wait for the answer.
CREATE TABLE landed (
  job INTEGER PRIMARY KEY
) STRICT;

-- In the order in which they come, which need not be that of the jobs: a random place for each costs five times as much.
CREATE TABLE results (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL UNIQUE,
  output TEXT,
  response TEXT,
  finish_reason TEXT,
  error_code TEXT,
  error_message TEXT
) STRICT;

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
  sha256 TEXT,
  remote_id TEXT,
  input_file_id TEXT,
  raw_status TEXT,
  remote_total INTEGER,
  remote_succeeded INTEGER,
  remote_failed INTEGER,
  quarantined INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until INTEGER,
  next_at INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0,
  not_found INTEGER NOT NULL DEFAULT 0,
  absences INTEGER NOT NULL DEFAULT 0,
  absent_since INTEGER,
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

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  run INTEGER,
  batch INTEGER,
  type TEXT NOT NULL,
  detail TEXT
) STRICT;

-- A process ended without closing the store, and the file has not been checked as a whole since.
CREATE TABLE unclean (
  at INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE sessions (
  owner TEXT PRIMARY KEY,
  opened_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
];
