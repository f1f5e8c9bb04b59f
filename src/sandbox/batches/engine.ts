import type { Settler } from './settle.ts';

/** What happens behind the batches, as the routes of a provider need it. */
export interface BatchEngine {
  settler: Settler;
  /** Call it after a batch was inserted and its reply is computed. */
  wake(): void;
}
