import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { OffpeakError } from '../errors.ts';
import type { ServiceStore } from '../service-store.ts';
import { type Settings, type SettingsChange, serviceSettings, settingsChange } from './contract/settings.ts';
import { jobTypes } from './contract/words.ts';
import { builtInModels } from './default-models.ts';
import { defaultSettings } from './default-settings.ts';
import type { Schedule } from './schedule.ts';

/** The settings of the service, in the store: every process sees a change within `seenWithinMs`. */
export interface SettingsStore {
  /** Read again when they are older than `seenWithinMs`. */
  get(): Promise<CurrentSettings>;
  /**
   * Each name that is given replaces what was set under it, all of them or none. What is decided on is what is set at
   * that moment, and not what was read before. Throws `usage` for what cannot be, naming it.
   */
  change(decide: (settings: Settings) => SettingsChange): Promise<CurrentSettings>;
}

export interface CurrentSettings {
  settings: Settings;
  /** The nightly schedule, with the moment since which it is as it is. */
  schedule: Schedule;
}

export interface SettingsStoreOptions {
  serviceStore: Pick<ServiceStore, 'getSettings' | 'changeSettings'>;
  clock: Clock;
  /** Why nothing may be sent to an address, by the look of it: `checkPublicUrl`. For `webhooks` and `alert_channels`. */
  problemWithUrl: (url: string) => string | undefined;
  /** A setting that is stored and cannot be read any more: its default holds. */
  onUnreadable?: (name: string) => void;
}

export const seenWithinMs = 2_000;

const shape = serviceSettings.shape;
const names = z.keyof(serviceSettings).options;
/** The schedule is stored with the moment of its last change. */
const storedSchedule = shape.schedule.extend({ since: z.number().optional() });

export function createSettingsStore(options: SettingsStoreOptions): SettingsStore {
  const { serviceStore, clock } = options;
  let known: { current: CurrentSettings; text: string; readAt: number; reading: number } | undefined;
  let readings = 0;
  let reading: Promise<CurrentSettings> | undefined;

  const read = async (): Promise<CurrentSettings> => {
    readings += 1;
    const begun = { readAt: clock.now(), reading: readings };
    const stored = await serviceStore.getSettings();
    const text = JSON.stringify(names.map((name) => stored.get(name) ?? null));
    // To check a time zone costs more than all the rest.
    const current = known?.text === text ? known.current : fromStored(stored, options.onUnreadable);
    // One that was begun before a change and ends after it is not what is remembered.
    if (!known || known.reading < begun.reading) known = { current, text, ...begun };
    return current;
  };

  return {
    async get() {
      // A clock that was set back makes them old too.
      if (known && Math.abs(clock.now() - known.readAt) < seenWithinMs) return known.current;
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    async change(decide) {
      const now = clock.now();
      await serviceStore.changeSettings((stored) => {
        const before = fromStored(stored);
        const change = parseChange(decide(before.settings), options.problemWithUrl);
        return changedValues(change, before, now);
      }, now);
      return read();
    },
  };
}

function fromStored(stored: ReadonlyMap<string, unknown>, onUnreadable?: (name: string) => void): CurrentSettings {
  const valid: Record<string, unknown> = {};
  for (const name of names) {
    const value = stored.get(name);
    if (value === undefined) continue;
    const parsed = (name === 'schedule' ? storedSchedule : shape[name]).safeParse(value);
    if (parsed.success) valid[name] = parsed.data;
    else onUnreadable?.(name);
  }
  const { since, ...schedule } = storedSchedule.parse(valid.schedule ?? defaultSettings.schedule);
  const settings = serviceSettings.parse({ ...defaultSettings, ...valid, schedule });
  return {
    // Those that are built in hold for every queue that has no own one.
    settings: { ...settings, default_models: { ...builtInModels, ...settings.default_models } },
    schedule: { time: schedule.time, timeZone: schedule.time_zone, ...(since === undefined ? {} : { since }) },
  };
}

function changedValues(change: SettingsChange, before: CurrentSettings, now: number): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const name of names) {
    const value = change[name];
    if (value !== undefined) values.set(name, toStored(name, value, before, now));
  }
  return values;
}

/** A schedule that is set again as it was goes on; any change holds for the moments to come alone. */
function toStored(name: keyof Settings, value: unknown, before: CurrentSettings, now: number): unknown {
  if (name !== 'schedule') return value;
  const schedule = shape.schedule.parse(value);
  const old = before.settings.schedule;
  const isSame = schedule.enabled === old.enabled && schedule.time === old.time && schedule.time_zone === old.time_zone;
  const since = isSame ? before.schedule.since : now;
  return since === undefined ? schedule : { ...schedule, since };
}

function parseChange(given: unknown, problemWithUrl: SettingsStoreOptions['problemWithUrl']): SettingsChange {
  const parsed = settingsChange.safeParse(given);
  if (!parsed.success) throw cannotBe(parsed.error.issues.map(describe));
  const change = parsed.data;
  const problems = [
    ...Object.keys(change.queue_triggers ?? {}).flatMap((key) => queueKeyProblem('queue_triggers', key)),
    ...Object.entries(change.default_models ?? {}).flatMap(([key, model]) => [
      ...queueKeyProblem('default_models', key),
      ...(/^[\x21-\x7e]{1,200}$/.test(model) ? [] : [`default_models.${key} must be the name of a model`]),
    ]),
    ...urlsOf(change).flatMap(([name, url]) => {
      const problem = problemWithUrl(url);
      return problem === undefined ? [] : [`${name}: ${problem}`];
    }),
  ];
  if (problems.length > 0) throw cannotBe(problems);
  return change;
}

function cannotBe(problems: readonly string[]): OffpeakError {
  return new OffpeakError(`The settings cannot be changed so: ${problems.join('; ')}.`, { code: 'usage' });
}

function describe(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return `unknown setting ${issue.keys.map((key) => (path === '' ? key : `${path}.${key}`)).join(', ')}`;
  }
  return `${path || 'the change'}: ${issue.message}`;
}

/** `creative_scoring:openai`; for triggers also `creative_scoring` and `*:openai`. */
function queueKeyProblem(name: 'queue_triggers' | 'default_models', key: string): string[] {
  const [jobType = '', provider, ...more] = key.split(':');
  const isType = jobTypes.some((known) => known === jobType);
  const hasProvider = provider !== undefined && provider !== '' && more.length === 0;
  if (isType && hasProvider) return [];
  if (name === 'queue_triggers' && ((isType && provider === undefined) || (jobType === '*' && hasProvider))) return [];
  const forms = name === 'queue_triggers' ? 'job_type:provider, job_type or *:provider' : 'job_type:provider';
  return [`${name}.${key} is no queue: it must be ${forms}`];
}

function urlsOf({ webhooks = [], alert_channels: channels = [] }: SettingsChange): [string, string][] {
  return [
    ...webhooks.map(({ url }, at): [string, string] => [`webhooks.${at}.url`, url]),
    ...channels.flatMap((channel, at): [string, string][] =>
      channel.type === 'email' ? [] : [[`alert_channels.${at}.url`, channel.url]],
    ),
  ];
}
