/** What the always-on service keeps beside runs and jobs. */
export const serviceSchema = `
-- What came with a queued job beside its request.
CREATE TABLE queued_jobs (
  job INTEGER PRIMARY KEY,
  created_at INTEGER NOT NULL,
  data TEXT NOT NULL,
  callback_url TEXT
) STRICT;

-- Jobs that are held, by run and priority: the length of a queue costs a few rows, however long it is.
CREATE TABLE held_jobs (
  run INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  jobs INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (run, priority)
) STRICT, WITHOUT ROWID;

-- Whom to tell when a run of a queue has ended.
CREATE TABLE run_callbacks (
  run INTEGER NOT NULL,
  url TEXT NOT NULL,
  PRIMARY KEY (run, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  key TEXT PRIMARY KEY,
  hash TEXT NOT NULL,
  job INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a schedule has done: each moment once.
CREATE TABLE schedule_marks (
  name TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  marked_at INTEGER NOT NULL,
  PRIMARY KEY (name, due_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- What one process at a time does.
CREATE TABLE duties (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An outbox. The body of a job's end is made when it is sent.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT NOT NULL,
  url TEXT NOT NULL,
  body TEXT,
  job INTEGER,
  run TEXT,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  next_at INTEGER,
  first_at INTEGER,
  lease_owner TEXT,
  lease_until INTEGER,
  last_status INTEGER,
  last_error TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX deliveries_state ON deliveries (state);
CREATE INDEX deliveries_job ON deliveries (job) WHERE job IS NOT NULL;

CREATE TABLE delivery_attempts (
  delivery INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  status INTEGER,
  error TEXT,
  PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

-- How far the results were read for deliveries.
CREATE TABLE cursors (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  subject TEXT NOT NULL,
  severity TEXT NOT NULL,
  title TEXT NOT NULL,
  message TEXT NOT NULL,
  raised_at INTEGER NOT NULL,
  resolved_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (name, subject) WHERE resolved_at IS NULL;

-- Sums of the runs and batches that are over, by queue ('' for runs that came by none): a year of nightly queues, or of
-- queues that are sent every ten jobs, is a hundred thousand rows, and to add them up takes 350 ms. By triggers, for runs
-- and batches end in many places; nothing is written while they are under way. What the sandbox answered stays apart:
-- its money is made up.
CREATE TABLE ended_totals (
  simulated INTEGER NOT NULL,
  queue TEXT NOT NULL,
  provider TEXT NOT NULL,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  cost_nano INTEGER NOT NULL DEFAULT 0,
  realtime_nano INTEGER NOT NULL DEFAULT 0,
  batches_submitted INTEGER NOT NULL DEFAULT 0,
  batches_completed INTEGER NOT NULL DEFAULT 0,
  batches_failed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (simulated, queue, provider)
) STRICT, WITHOUT ROWID;

-- A run that is asked for more leaves the sums again, and a late result changes those of one that stays.
CREATE TRIGGER runs_over AFTER UPDATE ON runs WHEN OLD.state = 'ended' OR NEW.state = 'ended' BEGIN
  INSERT INTO ended_totals (simulated, queue, provider, succeeded, failed, cancelled, skipped, cost_nano, realtime_nano)
  SELECT NEW.simulated, coalesce(NEW.queue, ''), NEW.provider,
    NEW.succeeded * (NEW.state = 'ended') - OLD.succeeded * (OLD.state = 'ended'),
    NEW.failed * (NEW.state = 'ended') - OLD.failed * (OLD.state = 'ended'),
    NEW.cancelled * (NEW.state = 'ended') - OLD.cancelled * (OLD.state = 'ended'),
    NEW.skipped * (NEW.state = 'ended') - OLD.skipped * (OLD.state = 'ended'),
    NEW.cost_nano * (NEW.state = 'ended') - OLD.cost_nano * (OLD.state = 'ended'),
    NEW.realtime_nano * (NEW.state = 'ended') - OLD.realtime_nano * (OLD.state = 'ended')
  WHERE 1
  ON CONFLICT (simulated, queue, provider) DO UPDATE SET succeeded = succeeded + excluded.succeeded,
    failed = failed + excluded.failed, cancelled = cancelled + excluded.cancelled,
    skipped = skipped + excluded.skipped, cost_nano = cost_nano + excluded.cost_nano,
    realtime_nano = realtime_nano + excluded.realtime_nano;
END;

CREATE TRIGGER batches_over AFTER UPDATE ON batches
  WHEN NEW.state IN ('collected', 'failed', 'abandoned') AND OLD.state NOT IN ('collected', 'failed', 'abandoned') BEGIN
  INSERT INTO ended_totals (simulated, queue, provider, batches_submitted, batches_completed, batches_failed)
  SELECT simulated, coalesce(queue, ''), provider, NEW.submitted_at IS NOT NULL, NEW.state = 'collected',
    NEW.state = 'failed'
  FROM runs WHERE seq = NEW.run
  ON CONFLICT (simulated, queue, provider) DO UPDATE SET batches_submitted = batches_submitted + excluded.batches_submitted,
    batches_completed = batches_completed + excluded.batches_completed,
    batches_failed = batches_failed + excluded.batches_failed;
END;

-- Those that others submitted come with their end.
CREATE TRIGGER batches_imported AFTER INSERT ON batches WHEN NEW.state = 'collected' BEGIN
  INSERT INTO ended_totals (simulated, queue, provider, batches_submitted, batches_completed)
  SELECT simulated, coalesce(queue, ''), provider, NEW.submitted_at IS NOT NULL, 1 FROM runs WHERE seq = NEW.run
  ON CONFLICT (simulated, queue, provider) DO UPDATE SET batches_submitted = batches_submitted + excluded.batches_submitted,
    batches_completed = batches_completed + excluded.batches_completed;
END;
`;
