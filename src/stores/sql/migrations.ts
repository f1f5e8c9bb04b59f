import { engineSchema } from './engine-schema.ts';
import { serviceSchema } from './service-schema.ts';

/**
 * The schema, numbered and forward only: never change an entry that was released, add one.
 * Hot rows are narrow: request bodies and results stand beside the job row, so that a scan of a million jobs reads no
 * payload. Payloads are TEXT with the exact JSON of the wire. Times are milliseconds since 1970, money nano-dollars.
 * A run's counts are columns of its row, changed in the transaction that moves the jobs: reading them costs one row.
 */
export const migrations: readonly string[] = [engineSchema, serviceSchema];
