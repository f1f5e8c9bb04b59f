import type { Clock } from '../../clock.ts';
import type { Alert, NewAlert } from '../../service-store.ts';
import type { Settings } from '../contract/settings.ts';

/** Something that is looked at each minute. */
export interface Check {
  /** Of the check, for the alert that it failed. */
  name: string;
  /** Names of its alerts: those of them that are open and not found any more are resolved. */
  alerts: readonly string[];
  /** What is to be open now. */
  find(context: CheckContext): Promise<readonly NewAlert[]>;
  /** After what was found is raised, durably. */
  raised?(found: readonly NewAlert[], context: CheckContext): Promise<void>;
}

export interface CheckContext {
  settings: Settings;
  /** Its alerts that are open now. */
  open: readonly Alert[];
  clock: Clock;
}
