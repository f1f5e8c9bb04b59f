/** What one client may take of the server. Sizes in bytes, times in milliseconds. */
export interface ServerLimits {
  bodyBytes: number;
  /** Of `queue/bulk` and `integrate/embeddings`. */
  bulkBodyBytes: number;
  /** Of all headers together; more is 431. */
  headerBytes: number;
  headersTimeoutMs: number;
  /** For a whole request to arrive, and for a bulk one. */
  bodyTimeoutMs: number;
  bulkTimeoutMs: number;
  /** How often slow sockets are looked for. */
  checkIntervalMs: number;
  /** Per token, or per address where no token is asked for; 0: no limit. */
  requestsPerSecond: number;
  /** Refused tokens per address. */
  refusalsPerSecond: number;
  /** Event and result streams at the same time. */
  streams: number;
  /** How long a connection may stand still: a reader that takes nothing, a sender that sends nothing. */
  stallMs: number;
  heartbeatMs: number;
  /** How often the store is asked for new events. */
  pollMs: number;
  /** For requests under way when the server closes. */
  closeMs: number;
  /** How long a token is believed before the store is asked again. */
  tokenMs: number;
}

export const defaultLimits: ServerLimits = {
  bodyBytes: 1_048_576,
  bulkBodyBytes: 67_108_864,
  headerBytes: 16_384,
  headersTimeoutMs: 5_000,
  bodyTimeoutMs: 10_000,
  bulkTimeoutMs: 60_000,
  checkIntervalMs: 1_000,
  requestsPerSecond: 5_000,
  refusalsPerSecond: 10,
  streams: 200,
  stallMs: 60_000,
  heartbeatMs: 15_000,
  pollMs: 1_000,
  closeMs: 8_000,
  tokenMs: 5_000,
};
