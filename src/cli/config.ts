import { readFileSync, statSync } from 'node:fs';
import { OffpeakError } from '../errors.ts';
import type { PriceOverride } from '../price-list.ts';
import type { Setting } from './setting.ts';
import { configPath, type SettingKey, settings } from './settings.ts';

export type SettingValue = string | number | boolean;

export interface ResolvedSetting {
  setting: Setting;
  value: SettingValue | undefined;
  /** `default`, `config.yaml` or the environment variable's name. */
  from: string;
}

/** Settings of this call: defaults < config.yaml < environment. Flags stand above and are the commands' own. */
export interface Config {
  home: string;
  all(): readonly ResolvedSetting[];
  text(key: SettingKey): string | undefined;
  number(key: SettingKey): number;
  flag(key: SettingKey): boolean;
  /** What is set under `prices`, as it stands there, by `provider:model`; the price list checks it. */
  readonly prices: Readonly<Record<string, PriceOverride>>;
}

/** @throws OffpeakError `config` that names the file or variable, the key and what it must be */
export async function loadConfig(home: string, env: NodeJS.ProcessEnv): Promise<Config> {
  const { flat: file, prices } = await readConfigFile(home);
  const resolved = new Map<string, ResolvedSetting>();
  for (const setting of settings) {
    resolved.set(setting.key, resolve(setting, file, env, home));
  }
  const value = (key: SettingKey) => resolved.get(key)?.value;
  return {
    home,
    all: () => [...resolved.values()],
    text: (key) => (value(key) === undefined ? undefined : String(value(key))),
    number: (key) => Number(value(key)),
    flag: (key) => value(key) === true,
    prices,
  };
}

function resolve(
  setting: Setting,
  file: ReadonlyMap<string, unknown>,
  env: NodeJS.ProcessEnv,
  home: string,
): ResolvedSetting {
  for (const name of [setting.env, setting.otherEnv]) {
    const text = name === undefined ? undefined : env[name];
    if (name === undefined || text === undefined || text === '') continue;
    return { setting, value: parseText(setting, text, name), from: name };
  }
  const fromFile = file.get(setting.key);
  if (fromFile !== undefined && fromFile !== null) {
    return { setting, value: checked(setting, fromFile, `${setting.key} in ${configPath(home)}`), from: 'config.yaml' };
  }
  return { setting, value: setting.fallback, from: 'default' };
}

function parseText(setting: Setting, text: string, variable: string): SettingValue {
  const where = `environment variable ${variable}`;
  if (setting.type === 'string') return text;
  if (setting.type === 'boolean')
    return checked(setting, text === 'true' ? true : text === 'false' ? false : text, where);
  return checked(setting, text.trim() === '' ? text : Number(text), where);
}

function checked(setting: Setting, value: unknown, where: string): SettingValue {
  if (setting.type === 'string' && typeof value === 'string') return value;
  if (setting.type === 'boolean' && typeof value === 'boolean') return value;
  if (setting.type === 'number' && typeof value === 'number' && value > 0) return value;
  if (setting.type === 'integer' && Number.isSafeInteger(value) && typeof value === 'number' && value > 0) return value;
  const wanted = {
    string: 'a text',
    boolean: 'true or false',
    number: 'a number above 0',
    integer: 'a whole number above 0',
  };
  throw new OffpeakError(`The ${where} must be ${wanted[setting.type]}.`, { code: 'config' });
}

interface ConfigFile {
  flat: ReadonlyMap<string, unknown>;
  prices: Readonly<Record<string, PriceOverride>>;
}

/** The file as dotted keys, each of which must be a setting; `prices` apart, whose keys are the user's own. */
async function readConfigFile(home: string): Promise<ConfigFile> {
  const path = configPath(home);
  const text = readIfThere(path);
  if (text === undefined) return { flat: new Map(), prices: {} };
  const { parse } = await import('yaml');
  let root: unknown;
  try {
    root = parse(text);
  } catch (error) {
    const words = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new OffpeakError(`${path} is not valid YAML: ${words}`, { code: 'config', cause: error });
  }
  const { prices, ...rest } = isMapping(root) ? root : { prices: undefined };
  const flat = flatten(isMapping(root) ? rest : root, path);
  for (const setting of settings) {
    if (setting.secret && flat.has(setting.key)) checkPrivate(path, setting.key);
  }
  return { flat, prices: checkedPrices(prices, path) };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkedPrices(prices: unknown, path: string): Readonly<Record<string, PriceOverride>> {
  if (prices === undefined || prices === null) return {};
  const isTable = isMapping(prices) && Object.values(prices).every(isMapping);
  if (isTable) return prices as Record<string, PriceOverride>;
  throw new OffpeakError(
    `${path}: prices must hold a price for each model, such as "openai:my-model": { input: 1, output: 2 } in USD per million tokens.`,
    { code: 'config' },
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new OffpeakError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`, {
      code: 'config',
      cause: error,
    });
  }
}

function flatten(root: unknown, path: string): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const known = settings.map((setting): string => setting.key);
  const walk = (value: unknown, prefix: string) => {
    if (value === null || value === undefined) return;
    if (!isMapping(value)) {
      throw new OffpeakError(`${path}: ${prefix || 'the file'} must hold settings by name.`, { code: 'config' });
    }
    for (const [name, inner] of Object.entries(value)) {
      const key = prefix ? `${prefix}.${name}` : name;
      if (known.includes(key)) flat.set(key, inner);
      else if (known.some((other) => other.startsWith(`${key}.`))) walk(inner, key);
      else
        throw new OffpeakError(
          `${path}: unknown setting ${key}. There are: ${known.filter((other) => other.startsWith(prefix)).join(', ')}.`,
          {
            code: 'config',
          },
        );
    }
  };
  walk(root, '');
  return flat;
}

/** A key in a file that others can read is no secret. */
function checkPrivate(path: string, key: string): void {
  if (process.platform === 'win32') return;
  if ((statSync(path).mode & 0o077) === 0) return;
  throw new OffpeakError(`${path} holds ${key} and can be read by others. Run: chmod 600 ${path}`, { code: 'config' });
}

/** `…c4f2`: enough to tell two keys apart. */
export function maskSecret(secret: string): string {
  return secret.length >= 12 ? `…${secret.slice(-4)}` : '…';
}
