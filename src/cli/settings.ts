import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ProfileName, profileNames, profiles } from '../providers/compatible/profiles.ts';
import type { ServerProfile } from '../providers/server-profile.ts';
import { serviceSettings } from './service-settings.ts';
import type { Setting } from './setting.ts';

/**
 * Every setting, once: its place in config.yaml, its environment variable, its default. The names of the section `batch`
 * are those of the system that `offpeak run` replaces, so its files work here.
 */
const ownSettings = [
  ...serviceSettings,
  {
    key: 'default_model',
    type: 'string',
    env: 'OFFPEAK_MODEL',
    about: 'model when --model is not given, provider:model',
  },
  {
    key: 'batch.max_file_size',
    type: 'integer',
    env: 'OFFPEAK_MAX_FILE_SIZE',
    fallback: 1_048_576,
    about: 'largest text sent, bytes',
  },
  {
    key: 'batch.max_image_size',
    type: 'integer',
    env: 'OFFPEAK_MAX_IMAGE_SIZE',
    fallback: 20_971_520,
    about: 'largest image or document read, bytes',
  },
  {
    key: 'batch.max_concurrent',
    type: 'integer',
    env: 'OFFPEAK_CONCURRENCY',
    fallback: 5,
    about: 'realtime calls at once',
  },
  {
    key: 'batch.timeout_per_file',
    type: 'number',
    env: 'OFFPEAK_TIMEOUT',
    fallback: 30,
    about: 'realtime time-out of a file, seconds',
  },
  {
    key: 'batch.retry_attempts',
    type: 'integer',
    env: 'OFFPEAK_RETRIES',
    fallback: 3,
    about: 'attempts a job may use',
  },
  {
    key: 'batch.default_pattern',
    type: 'string',
    env: 'OFFPEAK_PATTERN',
    fallback: '*',
    about: 'glob when --pattern is not given',
  },
  {
    key: 'batch.results_directory',
    type: 'string',
    env: 'OFFPEAK_RESULTS_DIRECTORY',
    about: 'every finished run is written here as JSON',
  },
  { key: 'providers.openai.api_key', type: 'string', env: 'OPENAI_API_KEY', secret: true, about: 'key of the account' },
  {
    key: 'providers.openai.base_url',
    type: 'string',
    env: 'OPENAI_BASE_URL',
    fallback: 'https://api.openai.com/v1',
    about: 'any server that speaks this API',
  },
  { key: 'providers.openai.organization', type: 'string', env: 'OPENAI_ORG_ID', about: 'organization that is charged' },
  { key: 'providers.openai.project', type: 'string', env: 'OPENAI_PROJECT_ID', about: 'project that is charged' },
  { key: 'providers.openai.batch', type: 'boolean', fallback: true, about: 'false: the server has no batch API' },
  { key: 'providers.openai.endpoint', type: 'string', fallback: 'chat', about: 'chat or responses' },
  {
    key: 'providers.openai.poll_interval',
    type: 'number',
    fallback: 2,
    about: 'first pause between two polls, seconds',
  },
  {
    key: 'providers.ollama.endpoint',
    type: 'string',
    env: 'OLLAMA_HOST',
    fallback: 'http://127.0.0.1:11434',
    about: 'where Ollama listens',
  },
  {
    key: 'providers.anthropic.api_key',
    type: 'string',
    env: 'ANTHROPIC_API_KEY',
    secret: true,
    about: 'key of the account',
  },
  {
    key: 'providers.anthropic.base_url',
    type: 'string',
    env: 'ANTHROPIC_BASE_URL',
    fallback: 'https://api.anthropic.com',
    about: 'where the API is',
  },
  {
    key: 'providers.anthropic.workspace',
    type: 'string',
    about: 'whose batches are meant, for a key that reaches several workspaces',
  },
  { key: 'providers.anthropic.batch', type: 'boolean', fallback: true, about: 'false: a gateway without batch API' },
  { key: 'providers.anthropic.poll_interval', type: 'number', about: 'first pause between two polls, seconds' },
  {
    key: 'providers.gemini.api_key',
    type: 'string',
    env: 'GEMINI_API_KEY',
    otherEnv: 'GOOGLE_API_KEY',
    secret: true,
    about: 'key of the account; else GOOGLE_API_KEY',
  },
  {
    key: 'providers.gemini.base_url',
    type: 'string',
    env: 'GOOGLE_GEMINI_BASE_URL',
    fallback: 'https://generativelanguage.googleapis.com',
    about: 'where the API is',
  },
  { key: 'providers.gemini.batch', type: 'boolean', fallback: true, about: 'false: a gateway without batch API' },
  { key: 'providers.gemini.poll_interval', type: 'number', about: 'first pause between two polls, seconds' },
] as const satisfies readonly Setting[];

type ServerField = 'api_key' | 'base_url' | 'batch' | 'poll_interval' | 'completion_window';
type ServerKey = `providers.${ProfileName}.${ServerField}`;

export type SettingKey = (typeof ownSettings)[number]['key'] | ServerKey;

export const settings: readonly Setting[] = [...ownSettings, ...profileNames.flatMap(settingsOfServer)];

/** The same for each server that speaks OpenAI's API; one without a batch API has nothing to set about batches. */
function settingsOfServer(name: ProfileName): Setting[] {
  const profile: ServerProfile = profiles[name];
  const key = (field: ServerField): ServerKey => `providers.${name}.${field}`;
  const reached: Setting[] = [
    { key: key('api_key'), type: 'string', env: profile.keyVariable, secret: true, about: 'key of the account' },
    profile.baseUrl === undefined
      ? { key: key('base_url'), type: 'string', about: "the account's own address" }
      : { key: key('base_url'), type: 'string', fallback: profile.baseUrl, about: 'where the API is' },
  ];
  if (!profile.batch) return reached;
  const { window } = profile.batch.create;
  const batches: Setting[] = [
    ...reached,
    { key: key('batch'), type: 'boolean', fallback: true, about: 'false: realtime only' },
    { key: key('poll_interval'), type: 'number', about: 'first pause between two polls, seconds' },
  ];
  if (!window) return batches;
  const about = 'how long a batch may take, 24h or 7d';
  return [...batches, { key: key('completion_window'), type: 'string', fallback: window.standard, about }];
}

/** `--home`, else OFFPEAK_HOME, else `~/.offpeak`. */
export function homeDirectory(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  return flag ?? (env.OFFPEAK_HOME || join(homedir(), '.offpeak'));
}

export const configPath = (home: string): string => join(home, 'config.yaml');
export const storePath = (home: string): string => join(home, 'offpeak.db');
/** Of `--sandbox`, inside the process. */
export const sandboxPath = (home: string): string => join(home, 'sandbox');
/** Of `offpeak sandbox`, the server: its faults are nobody else's. */
export const sandboxServerPath = (home: string): string => join(home, 'sandbox-server');
